/** Commands on a node, over SSH. */
import { randomBytes } from "node:crypto";
import { LoomError } from "../../../common/errors.js";
import type { NodeChannel } from "../../automators/channel.js";
import { openGuarded, type Spawn } from "../../sessions/guard.js";
import type { Connections } from "./connections.js";
import { follow, toEnd } from "./exec.js";
import { START_OF, TOKEN_VARIABLE, nodePath } from "./host-script.js";
import { commandLine } from "./quoting.js";
import type { Host, SshSettings } from "./settings.js";

/** How the gate below ends where it lets nothing through; together with its word, which nobody else knows. */
const CLOSED = 113;

/** Lets a command go only where the node is there and switched on; elsewhere it says which of both it is not. */
const GATE = `${START_OF}
word=$1 home=$2
shift 2
[ -d "$home/run" ] || { echo "$word gone" >&2; exit ${CLOSED}; }
init_runs "$home" || { echo "$word off" >&2; exit ${CLOSED}; }
cd "$home" || exit ${CLOSED}
unset stat start begun pid word home
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

  const line = (argv: readonly string[], env: Readonly<Record<string, string>>, word: string): string =>
    commandLine(["/bin/sh", "-c", GATE, "loom", word, home, ...argv], { ...own, ...env }, settings.sudo);

  /** @throws MACHINE_MISSING where the gate stayed closed */
  function checkGate(exitCode: number, printed: string, word: string): void {
    if (exitCode !== CLOSED) return;
    if (printed.includes(`${word} gone`)) throw missing(host, node.number);
    if (printed.includes(`${word} off`)) throw off(node);
  }

  const spawn: Spawn = async (argv, { env, terminal, onOutput }) => {
    const word = randomBytes(9).toString("hex");
    const pty = terminal ? { pty: { term: env["TERM"] ?? "xterm-256color" } } : {};
    const channel = await connections.exec(settings, host, line(argv, env, word), pty);
    let first = "";
    const over = follow(host, channel, (stream, bytes) => {
      if (first.length < 200) first += Buffer.from(bytes).toString("latin1");
      return onOutput(stream, bytes);
    }).then(({ exitCode }) => {
      checkGate(exitCode, first, word);
      return exitCode;
    });
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
      const command = line(argv, options.env ?? {}, word);
      // Without input its channel stays open for a signal.
      const channel = await connections.exec(
        settings,
        host,
        options.input === undefined ? `${command} </dev/null` : command,
      );
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
