/** `loom provisioner`: this machine works for a Loom on another one, until Ctrl-C. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseFingerprint } from "../../services/common/certificates/fingerprint.js";
import { readTokenFile } from "../context.js";
import { badInput, EXIT } from "../exit.js";
import type { Session } from "../session.js";

export interface ProvisionerOptions {
  readonly join?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly fingerprint?: string;
  readonly providers?: readonly string[];
  readonly slots?: number;
  readonly dir?: string;
  readonly datacenter?: string;
}

const DEFAULT_SLOTS = 32;

export async function run(session: Session, options: ProvisionerOptions): Promise<number> {
  const { env } = session.terminal;
  const given = (flag: string | undefined, name: string): string | undefined => flag ?? (env[name] || undefined);
  const fingerprint = given(options.fingerprint, "LOOM_FINGERPRINT");
  const slots = options.slots ?? slotsFrom(env["LOOM_SLOTS"]);
  const [{ startJoined }, { createLogger }] = await Promise.all([
    import("../../services/standalone/joined.js"),
    import("../../services/common/log.js"),
  ]);
  const say = (line: string): void => session.say(line);
  const provisioner = await startJoined({
    folder: resolve(given(options.dir, "LOOM_PROVISIONER_DIR") ?? defaultFolder(env)),
    address: given(options.join, "LOOM_JOIN"),
    token:
      options.token ??
      (options.tokenFile === undefined ? given(undefined, "LOOM_JOIN_TOKEN") : readTokenFile(options.tokenFile)),
    fingerprint: fingerprint === undefined ? undefined : parseFingerprint(fingerprint),
    providers: options.providers,
    slots,
    datacenter: options.datacenter ?? "",
    log: createLogger(env["LOOM_LOG"] ?? "warn", process.stderr),
    say,
  });
  const interrupted = new Promise<undefined>((done) => {
    if (session.signal.aborted) done(undefined);
    session.signal.addEventListener("abort", () => done(undefined), { once: true });
  });
  try {
    const refused = await Promise.race([interrupted, provisioner.refused]);
    if (refused !== undefined) throw refused;
    say(
      "Finishing what runs here, and taking nothing new. Ctrl-C again ends at once; what runs on nodes goes on then.",
    );
    await provisioner.drain(new AbortController().signal);
  } finally {
    await provisioner.stop();
  }
  return EXIT.done;
}

function slotsFrom(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_SLOTS;
  const slots = Number(text);
  if (!Number.isInteger(slots) || slots < 1 || slots > 1000)
    throw badInput(`LOOM_SLOTS must be a number from 1 to 1000, not "${text}".`);
  return slots;
}

/** /var/lib/loom-provisioner for root and ${XDG_DATA_HOME:-~/.local/share}/loom-provisioner for everybody else. */
function defaultFolder(env: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid!() === 0) return "/var/lib/loom-provisioner";
  return join(env["XDG_DATA_HOME"] || join(env["HOME"] || homedir(), ".local", "share"), "loom-provisioner");
}
