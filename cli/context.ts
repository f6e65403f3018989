/**
 * Which Loom the command line talks to, and with which token. Kept in `${XDG_CONFIG_HOME:-~/.config}/loom/context.json`,
 * which only its owner may read.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { parseFingerprint, type Fingerprint } from "../services/common/certificates/fingerprint.js";
import { LoomError } from "../services/common/errors.js";
import { didYouMean } from "../services/server/catalog/suggest.js";
import { badInput, CliError, EXIT } from "./exit.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** One Loom the person knows. */
export interface ContextEntry {
  /** For example `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Never printed. */
  readonly token: string;
  /** The only certificate to trust there, or the one that signed it; absent: what the system trusts. */
  readonly fingerprint?: Fingerprint;
}

export interface ContextFile {
  /** Name of the context in use; empty for none. */
  readonly current: string;
  readonly contexts: Readonly<Record<string, ContextEntry>>;
}

/** Where a command goes. */
export interface Target extends ContextEntry {
  /** Name of the context; empty where the address came from a flag or the environment. */
  readonly context: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The path of the context file. */
export function contextPath(env: Environment): string {
  const base = env["XDG_CONFIG_HOME"];
  return join(
    base !== undefined && base !== "" ? base : join(env["HOME"] ?? homedir(), ".config"),
    "loom",
    "context.json",
  );
}

/** @throws CliError where others may read a file that holds a token */
export function refuseReadableByOthers(path: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  throw new CliError(
    EXIT.badInput,
    `${path} holds a token and other users of this machine may read or change it (mode ${(mode & 0o777).toString(8)}).`,
    {
      advice: [`Run: chmod 600 ${path}`, "If others had access to the machine, make a new token."],
    },
  );
}

/**
 * The context file; an empty one where there is none.
 *
 * @throws CliError where it is no valid file or others may read it
 */
export function readContexts(env: Environment): ContextFile {
  const path = contextPath(env);
  let text: string;
  try {
    refuseReadableByOthers(path, statSync(path).mode);
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return { current: "", contexts: {} };
    if (thrown instanceof CliError) throw thrown;
    throw new CliError(
      EXIT.badInput,
      `${path} cannot be read (${(thrown as NodeJS.ErrnoException).code ?? "unknown"}).`,
      { cause: thrown },
    );
  }
  try {
    const parsed = JSON.parse(text) as Partial<ContextFile>;
    const contexts: Record<string, ContextEntry> = {};
    for (const [name, entry] of Object.entries(parsed.contexts ?? {})) {
      if (typeof entry.url !== "string") throw new Error(`context ${name} has no url`);
      contexts[name] = {
        url: entry.url,
        token: typeof entry.token === "string" ? entry.token : "",
        ...(entry.fingerprint === undefined ? {} : { fingerprint: parseFingerprint(entry.fingerprint) }),
      };
    }
    return { current: typeof parsed.current === "string" ? parsed.current : "", contexts };
  } catch (thrown) {
    throw new CliError(EXIT.badInput, `${path} is not a valid context file.`, {
      advice: ["Remove it and run: loom login URL"],
      cause: thrown,
    });
  }
}

/** Writes the whole file at once with mode 0600, so that a crash leaves the old or the new one. */
export function saveContexts(env: Environment, file: ContextFile): void {
  const path = contextPath(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
}

/**
 * Adds or replaces one context and makes it the current one unless told otherwise. Returns the path of the file.
 *
 * @throws CliError where the name or the address is not valid, or the file there is cannot be trusted
 */
export function writeContext(
  entry: ContextEntry & { readonly name: string; readonly makeCurrent?: boolean },
  env: Environment = process.env,
): string {
  if (!NAME.test(entry.name))
    throw badInput(
      `${entry.name} is no name for a context.`,
      "Use letters, digits, dots, hyphens and underscores, at most 63.",
    );
  const url = checkUrl(entry.url);
  const file = readContexts(env);
  saveContexts(env, {
    current: entry.makeCurrent === false && file.current !== "" ? file.current : entry.name,
    contexts: {
      ...file.contexts,
      [entry.name]: {
        url,
        token: entry.token,
        ...(entry.fingerprint === undefined ? {} : { fingerprint: entry.fingerprint }),
      },
    },
  });
  return contextPath(env);
}

/** The address without a slash at its end. @throws CliError where it is no http address */
export function checkUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badInput(`${text} is not an address.`, "Give one like http://127.0.0.1:7420.");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw badInput(`${text} is not an http or https address.`, "Give one like http://127.0.0.1:7420.");
  if (url.username !== "" || url.password !== "")
    throw badInput("The address must not hold a user or password.", "Use a token: loom login URL");
  return url.href.replace(/\/+$/, "");
}

/**
 * A fingerprint as the person gave it, for this address.
 *
 * @throws CliError where it is none, or the address has no certificate
 */
export function checkFingerprint(text: string, url: string): Fingerprint {
  if (!url.startsWith("https:"))
    throw badInput(`${url} has no certificate, so no fingerprint can be checked.`, "Give an https address.");
  try {
    return parseFingerprint(text);
  } catch (thrown) {
    throw badInput(LoomError.from(thrown).message);
  }
}

/** The fingerprint in LOOM_FINGERPRINT, which an address without a certificate passes over. */
export function fingerprintFrom(env: Environment, url: string): Fingerprint | undefined {
  const text = env["LOOM_FINGERPRINT"] ?? "";
  return text === "" || !url.startsWith("https:") ? undefined : checkFingerprint(text, url);
}

/** A token from a file that only its owner may read. */
export function readTokenFile(path: string): string {
  let text: string;
  try {
    refuseReadableByOthers(path, statSync(path).mode);
    text = readFileSync(path, "utf8").trim();
  } catch (thrown) {
    if (thrown instanceof CliError) throw thrown;
    throw badInput(`The token file ${path} cannot be read (${(thrown as NodeJS.ErrnoException).code ?? "unknown"}).`);
  }
  if (text === "") throw badInput(`The token file ${path} is empty.`);
  return text;
}

export interface TargetOptions {
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly context?: string | undefined;
}

/**
 * Where a command goes: flags first, then LOOM_URL, LOOM_TOKEN and LOOM_FINGERPRINT, then the context. A stored token is
 * only sent to the address it was stored with, and only to who shows the certificate it was stored with.
 *
 * @throws CliError where nothing names an address
 */
export function resolveTarget(options: TargetOptions, env: Environment): Target {
  const given = options.tokenFile !== undefined ? readTokenFile(options.tokenFile) : (env["LOOM_TOKEN"] ?? "");
  const named = options.url ?? (options.context === undefined && env["LOOM_URL"] !== "" ? env["LOOM_URL"] : undefined);
  if (named !== undefined) {
    const url = checkUrl(named);
    const pin = fingerprintFrom(env, url);
    const known =
      given !== "" && (pin !== undefined || !url.startsWith("https:"))
        ? undefined
        : Object.values(readContexts(env).contexts).find((entry) => entry.url === url);
    const fingerprint = pin ?? known?.fingerprint;
    return {
      url,
      token: given !== "" ? given : (known?.token ?? ""),
      context: "",
      ...(fingerprint === undefined ? {} : { fingerprint }),
    };
  }
  const file = readContexts(env);
  const name = options.context ?? file.current;
  if (name === "") {
    throw new CliError(EXIT.badInput, "No Loom is named to talk to.", {
      advice: [
        "Start one here with `make run`, or run: loom login URL",
        "LOOM_URL and --url name one for a single command.",
      ],
    });
  }
  const entry = file.contexts[name];
  if (entry === undefined) {
    const known = Object.keys(file.contexts);
    throw badInput(
      `There is no context ${name}. ${didYouMean(name, known)}`.trimEnd(),
      `Contexts: ${known.length === 0 ? "none" : known.join(", ")}.`,
    );
  }
  return { ...entry, token: given !== "" ? given : entry.token, context: name };
}
