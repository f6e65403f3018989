/** Commands on a node, over SSH. */
import { randomBytes } from "node:crypto";
import { LoomError } from "../../../common/errors.js";
import type { NodeChannel } from "../../automators/channel.js";
import { openGuarded, type Spawn } from "../../sessions/guard.js";
import type { Connections } from "./connections.js";
import { environmentText, isReady, readEnvironment, type InputKind } from "./environment.js";
import { follow, toEnd } from "./exec.js";
import { START_OF, TOKEN_VARIABLE, nodePath } from "./host-script.js";
import { commandLine } from "./quoting.js";
import type { Host, SshSettings } from "./settings.js";

/** How the gate below ends where it lets nothing through; together with its word, which nobody else knows. */
const CLOSED = 113;

/** Lets a command go only where the node is there and switched on; elsewhere it says which of both it is not. */
const GATE = `${START_OF}
word=$1 home=$2 input=$3
shift 3
[ -d "$home/run" ] || { echo "$word gone" >&2; exit ${CLOSED}; }
init_runs "$home" || { echo "$word off" >&2; exit ${CLOSED}; }
cd "$home" || exit ${CLOSED}
${readEnvironment("stat start begun pid home")}
exec "$@"`;

export interface Node {
  readonly settings: SshSettings;
  readonly host: Host;
  readonly home: string;
  readonly token: string;
  readonly number: number;
}

export function missing(host: Host, number: number): LoomError {
  return new LoomError(
    "MACHINE_MISSING",
    `Host ${host.name} does not carry node ${number} any more: it was installed anew, or somebody removed Loom's folder there. A retry of the job makes the node again; deleting the cluster works as well.`,
    { metadata: { machine: host.name, node: String(number) } },
  );
}

function off({ host, number }: Node): LoomError {
  return new LoomError(
    "MACHINE_MISSING",
    `Node ${number} is off: host ${host.name} was started again, or its loom-init was killed. "loom repair" switches it on.`,
    { metadata: { machine: host.name, node: String(number), off: "true" } },
  );
}

export function createSshChannel(connections: Connections, node: Node): NodeChannel {
  const { settings, host, home, token } = node;
  const own = { PATH: nodePath(home), LANG: "C.UTF-8", LOOM_HOME: home, [TOKEN_VARIABLE]: token };

  // Of the environment only what is no secret stands here.
  const line = (argv: readonly string[], word: string, input: InputKind): string =>
    commandLine(["/bin/sh", "-c", GATE, "loom", word, home, input, ...argv], own, settings.sudo);

  /** @throws MACHINE_MISSING where the gate stayed closed */
  function checkGate(exitCode: number, printed: string, word: string): void {
    if (exitCode !== CLOSED) return;
    if (printed.includes(`${word} gone`)) throw missing(host, node.number);
    if (printed.includes(`${word} off`)) throw off(node);
  }

  const spawn: Spawn = async (argv, { env, terminal, onOutput }) => {
    const word = randomBytes(9).toString("hex");
    const environment = environmentText(env, word);
    const pty = terminal ? { pty: { term: env["TERM"] ?? "xterm-256color" } } : {};
    const command = line(argv, word, terminal ? "terminal" : "pipe");
    const channel = await connections.exec(settings, host, command, pty);
    let first = "";
    /** What a terminal prints before it is ready; undefined once it is. */
    let early = terminal ? Buffer.alloc(0) : undefined;
    const over = follow(host, channel, (stream, bytes) => {
      if (first.length < 200) first += Buffer.from(bytes).toString("latin1");
      if (early === undefined) return onOutput(stream, bytes);
      early = Buffer.concat([early, bytes]);
      if (!isReady(early.toString("latin1"), word)) return undefined;
      early = undefined;
      channel.write(environment);
      return undefined;
    }).then(async ({ exitCode }) => {
      checkGate(exitCode, first, word);
      // Why it never was ready.
      if (early !== undefined && early.length > 0) await onOutput("stdout", early);
      return exitCode;
    });
    if (!terminal) channel.write(environment);
    over.catch(() => undefined);
    return {
      write: (bytes) =>
        new Promise((resolve) => {
          if (channel.destroyed || channel.writableEnded) return resolve();
          channel.once("close", resolve);
          channel.write(bytes, () => {
            channel.removeListener("close", resolve);
            resolve();
          });
        }),
      end: () => void channel.end(),
      ended: over,
      destroy: () => channel.close(),
    };
  };

  return {
    home,
    async run(argv, options) {
      options.signal.throwIfAborted();
      const word = randomBytes(9).toString("hex");
      const environment = environmentText(options.env ?? {}, word);
      // Without input its channel stays open for a signal.
      const command = line(argv, word, options.input === undefined ? "none" : "pipe");
      const channel = await connections.exec(settings, host, command);
      channel.write(environment);
      let first = "";
      const result = await toEnd(host, channel, options.input, options.signal, (stream, bytes) => {
        if (stream === "stderr" && first.length < 200) {
          const text = Buffer.from(bytes).toString("latin1");
          first += text;
          // The gate's word is for this side alone.
          if (text.includes(word)) return;
        }
        options.onOutput(stream, bytes);
      });
      checkGate(result.exitCode, first, word);
      return result;
    },
    open: (argv, options) => openGuarded(spawn, argv, options),
  };
}
