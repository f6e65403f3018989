/** Flags and environment of the standalone Loom. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { parseArgs } from "node:util";
import { LoomError } from "../common/errors.js";
import { DEFAULT_RETENTION, type Retention } from "../server/logs/retention.js";
import { defaultDataFolder } from "./data-folder.js";

export interface MainOptions {
  readonly folder: string;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Where provisioners of other machines connect; undefined: nowhere. */
  readonly workers: { readonly host: string; readonly port: number } | undefined;
  /** Provider of the first cluster; undefined: docker where a daemon answers, else local. */
  readonly provider: string | undefined;
  readonly slots: number;
  /** Seconds between two looks at all clusters and their machines; 0 for none. */
  readonly reconcileSeconds: number;
  /** Seconds before a machine that nobody owns is removed. */
  readonly strayGraceSeconds: number;
  /** Seconds between two looks at the leases of clusters. */
  readonly leaseSeconds: number;
  /** How long output of scripts is kept, and how much of it. */
  readonly logs: Retention;
  /** Make the first cluster. */
  readonly farm: boolean;
  /** Write the context of the command line. */
  readonly context: boolean;
  readonly logLevel: string;
  readonly help: boolean;
}

/** The port Loom answers at unless told otherwise. */
export const DEFAULT_PORT = 7420;

/** The port provisioners of other machines connect to unless told otherwise. */
export const DEFAULT_WORKERS_PORT = 7421;

const RECONCILE_SECONDS = 60;
const STRAY_GRACE_SECONDS = 3600;
const LEASE_SECONDS = 180;
const MIB = 1024 ** 2;
const MOST_LOG_DAYS = 36_500;
const MOST_LOG_MIB = 1024 ** 2;
const MOST_SECONDS = 30 * 86_400;

export const USAGE = `Starts Loom with everything it needs in one process.

  --data FOLDER      where its data is kept          (LOOM_DATA; else /var/lib/loom for root, ~/.local/share/loom)
  --port N           where it answers, 0 for any     (LOOM_PORT; else ${DEFAULT_PORT})
  --host ADDRESS     where it listens, 0.0.0.0 for everywhere; over TLS unless loopback   (LOOM_HOST; else 127.0.0.1)
  --tls-cert FILE    certificate chain in PEM; else Loom makes one where it needs one   (LOOM_TLS_CERT)
  --tls-key FILE     its key in PEM                  (LOOM_TLS_KEY)
  --workers-listen ADDRESS[:PORT]   where provisioners of other machines connect; port ${DEFAULT_WORKERS_PORT} unless given
                                                     (LOOM_WORKERS_LISTEN; else nowhere)
  --provider NAME    docker, local or simulated, for the first cluster; else docker where a daemon answers
  --slots N          tasks at once, 1 to 1000        (LOOM_SLOTS; else 32)
  --reconcile-seconds N     between two looks at all machines, 0 for none   (LOOM_RECONCILE_SECONDS; else ${RECONCILE_SECONDS})
  --stray-grace-seconds N   before a machine that nobody owns is removed    (LOOM_STRAY_GRACE_SECONDS; else ${STRAY_GRACE_SECONDS})
  --lease-seconds N         between two looks at leases that end            (LOOM_LEASE_SECONDS; else ${LEASE_SECONDS})
  --log-days N       how long output of scripts is kept   (LOOM_LOG_DAYS; else ${DEFAULT_RETENTION.days})
  --log-mib N        how much of it, the newest           (LOOM_LOG_MIB; else ${DEFAULT_RETENTION.bytes / MIB})
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
        "workers-listen": { type: "string" },
        provider: { type: "string" },
        slots: { type: "string" },
        "reconcile-seconds": { type: "string" },
        "stray-grace-seconds": { type: "string" },
        "lease-seconds": { type: "string" },
        "log-days": { type: "string" },
        "log-mib": { type: "string" },
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
  const workers = values["workers-listen"] ?? env["LOOM_WORKERS_LISTEN"];
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
    workers: workers === undefined || workers === "" ? undefined : readAddress(workers),
    provider: values.provider,
    slots: number(values.slots ?? env["LOOM_SLOTS"] ?? "32", "--slots", 1, 1000),
    reconcileSeconds: number(
      values["reconcile-seconds"] ?? env["LOOM_RECONCILE_SECONDS"] ?? String(RECONCILE_SECONDS),
      "--reconcile-seconds",
      0,
      MOST_SECONDS,
    ),
    strayGraceSeconds: number(
      values["stray-grace-seconds"] ?? env["LOOM_STRAY_GRACE_SECONDS"] ?? String(STRAY_GRACE_SECONDS),
      "--stray-grace-seconds",
      0,
      MOST_SECONDS,
    ),
    leaseSeconds: number(
      values["lease-seconds"] ?? env["LOOM_LEASE_SECONDS"] ?? String(LEASE_SECONDS),
      "--lease-seconds",
      1,
      MOST_SECONDS,
    ),
    logs: {
      days: number(
        values["log-days"] ?? env["LOOM_LOG_DAYS"] ?? String(DEFAULT_RETENTION.days),
        "--log-days",
        1,
        MOST_LOG_DAYS,
      ),
      bytes:
        MIB *
        number(
          values["log-mib"] ?? env["LOOM_LOG_MIB"] ?? String(DEFAULT_RETENTION.bytes / MIB),
          "--log-mib",
          1,
          MOST_LOG_MIB,
        ),
    },
    farm: values["no-farm"] !== true,
    context: values["no-context"] !== true,
    logLevel: values["log-level"] ?? env["LOOM_LOG"] ?? "warn",
    help: values.help === true,
  };
}

/** `ADDRESS`, `ADDRESS:PORT`, `[IPV6]:PORT`. */
function readAddress(text: string): { host: string; port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s/]+))(?::(\d+))?$/.exec(text);
  const host = isIP(text) === 6 ? text : (found?.[1] ?? found?.[2]);
  if (host === undefined)
    throw new LoomError(
      "INVALID_FIELD",
      `--workers-listen must be an address with a port, such as 0.0.0.0:${DEFAULT_WORKERS_PORT} or [::]:${DEFAULT_WORKERS_PORT}, not "${text}".`,
    );
  return { host, port: number(found?.[3] ?? String(DEFAULT_WORKERS_PORT), "The port of --workers-listen", 0, 65_535) };
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
