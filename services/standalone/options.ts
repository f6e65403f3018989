/** Flags and environment of the standalone Loom. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { parseArgs } from "node:util";
import { LoomError } from "../common/errors.js";
import { defaultDataFolder } from "./data-folder.js";

export interface MainOptions {
  readonly folder: string;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Provider of the first cluster; undefined: docker where a daemon answers, else local. */
  readonly provider: string | undefined;
  readonly slots: number;
  /** Make the first cluster. */
  readonly farm: boolean;
  /** Write the context of the command line. */
  readonly context: boolean;
  readonly logLevel: string;
  readonly help: boolean;
}

/** The port Loom answers at unless told otherwise. */
export const DEFAULT_PORT = 7420;

export const USAGE = `Starts Loom with everything it needs in one process.

  --data FOLDER      where its data is kept          (LOOM_DATA; else /var/lib/loom for root, ~/.local/share/loom)
  --port N           where it answers, 0 for any     (LOOM_PORT; else ${DEFAULT_PORT})
  --host ADDRESS     where it listens; anything but loopback needs --tls-cert and --tls-key   (LOOM_HOST; else 127.0.0.1)
  --tls-cert FILE    certificate chain in PEM        (LOOM_TLS_CERT)
  --tls-key FILE     its key in PEM                  (LOOM_TLS_KEY)
  --provider NAME    docker, local or simulated, for the first cluster; else docker where a daemon answers
  --slots N          tasks at once, 1 to 1000        (LOOM_SLOTS; else 32)
  --no-farm          make no first cluster
  --no-context       leave the command line's context alone
  --log-level LEVEL  debug, info, warn, error        (LOOM_LOG; else warn)
`;

function number(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new LoomError("INVALID_FIELD", `${name} must be a number from ${least} to ${most}, not "${text}".`);
  return value;
}

/** @throws INVALID_FIELD for a flag that is unknown or wrong */
export function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): MainOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        data: { type: "string" },
        port: { type: "string" },
        host: { type: "string" },
        "tls-cert": { type: "string" },
        "tls-key": { type: "string" },
        provider: { type: "string" },
        slots: { type: "string" },
        "no-farm": { type: "boolean" },
        "no-context": { type: "boolean" },
        "log-level": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (thrown) {
    throw new LoomError(
      "INVALID_FIELD",
      `${(thrown as Error).message.split(". ")[0]}. Run with --help to see the flags.`,
      { cause: thrown },
    );
  }
  const cert = values["tls-cert"] ?? env["LOOM_TLS_CERT"];
  const key = values["tls-key"] ?? env["LOOM_TLS_KEY"];
  if ((cert === undefined) !== (key === undefined))
    throw new LoomError(
      "INVALID_FIELD",
      "A certificate needs its key and a key its certificate: give both --tls-cert and --tls-key.",
    );
  return {
    folder: values.data ?? defaultDataFolder(env),
    host: values.host ?? env["LOOM_HOST"] ?? "127.0.0.1",
    port: number(values.port ?? env["LOOM_PORT"] ?? String(DEFAULT_PORT), "The port", 0, 65_535),
    tls: cert === undefined || key === undefined ? undefined : readPair(cert, key),
    provider: values.provider,
    slots: number(values.slots ?? env["LOOM_SLOTS"] ?? "32", "--slots", 1, 1000),
    farm: values["no-farm"] !== true,
    context: values["no-context"] !== true,
    logLevel: values["log-level"] ?? env["LOOM_LOG"] ?? "warn",
    help: values.help === true,
  };
}

/** The certificate and its key, proven to be a pair before anything is started. */
function readPair(certFile: string, keyFile: string): NonNullable<MainOptions["tls"]> {
  const pair = { cert: readPem(certFile), key: readPem(keyFile) };
  try {
    createSecureContext(pair);
  } catch (thrown) {
    const why = (thrown as Error).message.split(":").at(-1)!;
    throw new LoomError(
      "INVALID_FIELD",
      `${certFile} and ${keyFile} are no certificate with its key (${why}). Both must be in PEM, and the key must be the certificate's own, without a password.`,
      { cause: thrown },
    );
  }
  return pair;
}

function readPem(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new LoomError("INVALID_FIELD", `The file ${path} cannot be read: ${(thrown as Error).message}`, {
      cause: thrown,
    });
  }
}
