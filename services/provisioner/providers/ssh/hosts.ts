/** Asking hosts: one, or all of a pool at once. */
import type { ClientChannel } from "ssh2";
import { LoomError } from "../../../common/errors.js";
import type { Connections } from "./connections.js";
import { toEnd } from "./exec.js";
import { unclear, unreachable } from "./failures.js";
import { hostScript, readState, type HostState, type HostVerb } from "./host-script.js";
import { commandLine } from "./quoting.js";
import type { Host, SshSettings } from "./settings.js";

/** How long a host may take for a step, in milliseconds: ending services takes some 15 s. */
const STEP_MS = 120_000;
/** The same for a look, which only reads, with the time that the connection takes. */
const LOOK_MS = 8_000;
/** Hosts asked at the same time. */
const AT_ONCE = 64;

/** Whom a reservation is for. */
export interface Claim {
  readonly token: string;
  readonly clusterUid: string;
  readonly nodeNumber: number;
  readonly hostname: string;
}

/**
 * What a host says after the step. Nobody's abort ends it in the middle: it is short, and must not go on unseen.
 *
 * @throws PROVIDER_UNREACHABLE, which {@link isUnclear} where the host was told already; PROVIDER_ERROR where it failed
 */
export async function ask(
  connections: Connections,
  settings: SshSettings,
  host: Host,
  verb: HostVerb,
  claim?: Claim,
): Promise<HostState> {
  const limitMs = verb === "look" ? LOOK_MS : STEP_MS;
  const signal = AbortSignal.timeout(limitMs);
  const tooLong = `it took longer than ${limitMs / 1000} s`;
  const channel = await opened(
    connections.exec(settings, host, commandLine(["/bin/sh", "-s"], {}, settings.sudo)),
    signal,
    () => unreachable(host, tooLong),
  );
  const { token = "", clusterUid = "", nodeNumber = 0, hostname = "" } = claim ?? {};
  const record = [clusterUid, nodeNumber, hostname.replace(/\s/g, "-")].join(" ");
  const printed = { stdout: "", stderr: "" };
  const { exitCode } = await toEnd(
    host,
    channel,
    hostScript(verb, host.folder, token, record),
    signal,
    (stream, bytes) => (printed[stream] += Buffer.from(bytes).toString()),
  ).catch((thrown: unknown) => {
    throw unclear(host, signal.aborted ? tooLong : "the connection broke", thrown);
  });
  const state = exitCode === 0 ? readState(printed.stdout) : undefined;
  if (state !== undefined) return state;
  const said = printed.stderr.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  const hint =
    settings.sudo && /sudo/.test(said)
      ? ` The user ${host.user} needs sudo without a password there.`
      : " Hosts are Linux with a POSIX shell and util-linux; the user must be able to write Loom's folder.";
  throw new LoomError(
    "PROVIDER_ERROR",
    `Host ${host.name} could not be used (exit code ${exitCode}): ${said || "it said nothing"}.${hint}`,
    { metadata: { host: host.name } },
  );
}

/** The channel, where it is there in time. One that comes later is closed. */
async function opened(
  opening: Promise<ClientChannel>,
  signal: AbortSignal,
  late: () => LoomError,
): Promise<ClientChannel> {
  let stop = (): void => undefined;
  const isOver = new Promise<never>((_, reject) => {
    stop = () => {
      reject(late());
      opening.then(
        (channel) => channel.close(),
        () => undefined,
      );
    };
  });
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([opening, isOver]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** What a host says, or why it says nothing. */
export interface Answer {
  readonly host: Host;
  readonly state: HostState | undefined;
  readonly failure: LoomError | undefined;
}

/** Whether the host is taken for the machine. */
export function carries({ state }: Pick<Answer, "state">, token: string): boolean {
  return state?.reserved?.token === token;
}

/** Asks all of them, some at a time; in their order. */
export async function askAll(
  connections: Connections,
  settings: SshSettings,
  hosts: readonly Host[],
  verb: HostVerb,
  claim?: Claim,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  async function work(): Promise<void> {
    while (next < hosts.length) {
      const index = next++;
      const host = hosts[index]!;
      answers[index] = await ask(connections, settings, host, verb, claim).then(
        (state) => ({ host, state, failure: undefined }),
        (thrown: unknown) => ({ host, state: undefined, failure: LoomError.from(thrown) }),
      );
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts.length) }, work));
  return answers;
}
