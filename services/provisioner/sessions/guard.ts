/**
 * Commands on nodes that end with their caller, by means every node has: a POSIX shell and /proc.
 *
 * The command is started by a shell that first says which process it is and waits. Then a guard is started beside it,
 * which reads orders from its standard input: signals, sizes of the terminal, "done". Only then is the command let go.
 * Where the guard's input ends without "done", whoever gave the orders is gone, killed perhaps, and the guard ends
 * everything in the command's session. So a command is never without somebody who ends it. What was put into a session
 * of its own, as daemons are, stays.
 */
import { LoomError } from "../../common/errors.js";
import type { CommandResult, OpenCommand, OpenOptions, TerminalSize } from "../automators/channel.js";

/** A process on a node, as a provider starts it: the leader of a session of its own. */
export interface Spawned {
  /** Fulfilled when more may be written, also where it has ended. */
  write(bytes: Uint8Array): Promise<void>;
  /** Its standard input ends. Means nothing to a terminal. */
  end(): void;
  /** Fulfilled with its exit code when its output was handed on; rejects where the node was lost. */
  readonly ended: Promise<number>;
  /** Lets go of this side of it. */
  destroy(): void;
}

export interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  /** With a terminal, whose output is all standard output. */
  readonly terminal: boolean;
  onOutput(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> | undefined;
}

/** How a provider starts a process on a node. Rejects where the node cannot be reached. */
export type Spawn = (argv: readonly string[], options: SpawnOptions) => Promise<Spawned>;

/** For no words at all: the shell people expect, or the one that is there. */
const SHELL = ["/bin/sh", "-c", "command -v bash >/dev/null && exec bash; exec sh"];

/** Says who it is, waits for the word, becomes the command. */
const LEADER = 'echo "$$" && IFS= read -r word && [ "$word" = go ] && exec "$@"; exit 129';

/**
 * The same at a terminal: nothing is echoed before the command is there, which a second line tells. Who is not answered
 * within 25 s leaves, since a terminal does not end with its caller.
 */
const TERMINAL_LEADER = `
saved=$(stty -g)
stty -echo -icanon min 0 time 250 columns "$1" rows "$2" 2>/dev/null
shift 2
echo "$$"
word=$(dd bs=1 count=1 2>/dev/null)
stty "$saved" echo
[ "$word" = g ] || exit 129
echo here
exec "$@"`;

/** $1 is the process that leads. Fields of /proc/PID/stat after its name: state, parent, group, session (proc(5)). */
const GUARD = `
leader=$1
stat=$(cat "/proc/$leader/stat") || exit 1
set -- \${stat##*) }
group=$3 session=$4
everybody() {
  found=1
  for file in /proc/[0-9]*/stat; do
    { IFS= read -r stat <"$file"; } 2>/dev/null || continue
    set -- \${stat##*) }
    [ "$4" = "$session" ] && [ "$1" != Z ] || continue
    pid=\${file#/proc/}
    kill -s "$signal" "\${pid%/stat}" && found=0
  done 2>/dev/null
  return "$found"
}
echo ready
while read -r order columns rows; do
  case $order in
    done) exit 0 ;;
    size) stty columns "$columns" rows "$rows" <"/proc/$leader/fd/0" ;;
    *) kill -s "$order" -- "-$group" ;;
  esac 2>/dev/null
done
signal=HUP everybody
signal=TERM everybody
signal=CONT everybody
tenths=0
while signal=0 everybody && [ "$tenths" -lt 20 ]; do
  sleep 0.1
  tenths=$((tenths + 1))
done
while signal=KILL everybody && [ "$tenths" -lt 100 ]; do
  sleep 0.1
  tenths=$((tenths + 1))
done`;

/** How long the guard may take to end everything before this side lets go; it goes on by itself. */
const LET_GO_MS = 15_000;

/** The first lines of what is printed, and where the rest goes. */
function firstLines(
  count: number,
  rest: SpawnOptions["onOutput"],
): {
  readonly onOutput: SpawnOptions["onOutput"];
  /** The next of them. Rejects where it does not come. */
  next(ended: Promise<unknown>): Promise<string>;
} {
  let seen = Buffer.alloc(0);
  const found: ((line: string) => void)[] = [];
  const lines = Array.from({ length: count }, () => new Promise<string>((resolve) => found.push(resolve)));
  return {
    onOutput(stream, bytes) {
      if (found.length === 0) return rest(stream, bytes);
      seen = Buffer.concat([seen, bytes]);
      for (let end = seen.indexOf(10); end >= 0 && found.length > 0; end = seen.indexOf(10)) {
        found.shift()!(seen.subarray(0, end).toString().trim());
        seen = seen.subarray(end + 1);
      }
      return found.length > 0 || seen.length === 0 ? undefined : rest(stream, seen);
    },
    next: (ended) =>
      Promise.race([
        lines.shift()!,
        ended.then(() => {
          const said = seen.toString().trim().slice(0, 300);
          throw new LoomError(
            "PROVIDER_ERROR",
            `No command could be started on the node: ${said || "it said nothing"}.`,
          );
        }),
      ]),
  };
}

function withTerminal({ columns, rows }: TerminalSize, argv: readonly string[]): string[] {
  return ["/bin/sh", "-c", TERMINAL_LEADER, "loom-session", String(columns), String(rows), ...argv];
}

/** Starts a command and its guard. See {@link NodeChannel.open}. */
export async function openGuarded(
  spawn: Spawn,
  argv: readonly string[],
  { env, terminal, signal, onOutput }: OpenOptions,
): Promise<OpenCommand> {
  signal.throwIfAborted();
  const command = argv.length === 0 ? SHELL : argv;
  const head = firstLines(terminal === undefined ? 1 : 2, onOutput);
  const leader = await spawn(
    terminal === undefined ? ["/bin/sh", "-c", LEADER, "loom-session", ...command] : withTerminal(terminal, command),
    { env, terminal: terminal !== undefined, onOutput: head.onOutput },
  );
  // Looked at below; nothing is lost where that comes later.
  leader.ended.catch(() => undefined);
  let guard: Spawned | undefined;
  try {
    const pid = await head.next(leader.ended);
    if (!/^\d+$/.test(pid))
      throw new LoomError("PROVIDER_ERROR", `No command could be started on the node: ${pid.slice(0, 300)}.`);
    const ready = firstLines(1, () => undefined);
    guard = await spawn(["/bin/sh", "-c", GUARD, "loom-guard", pid], {
      env: {},
      terminal: false,
      onOutput: ready.onOutput,
    });
    guard.ended.catch(() => undefined);
    await ready.next(guard.ended);
    signal.throwIfAborted();
    await leader.write(Buffer.from(terminal === undefined ? "go\n" : "g"));
    // What is typed before that would not be echoed.
    if (terminal !== undefined) await head.next(leader.ended);
  } catch (thrown) {
    guard?.end();
    // Without the word it leaves by itself.
    leader.end();
    leader.destroy();
    throw thrown;
  }
  const orders = guard;
  const order = (text: string): void => void orders.write(Buffer.from(`${text}\n`));

  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    orders.end();
    timer = setTimeout(() => {
      leader.destroy();
      orders.destroy();
    }, LET_GO_MS);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();

  async function end(): Promise<CommandResult> {
    try {
      return { exitCode: await leader.ended };
    } finally {
      signal.removeEventListener("abort", stop);
      clearTimeout(timer);
      // Of a command that was stopped, others of its session may be left: the guard sees to them.
      if (!signal.aborted) {
        order("done");
        orders.end();
      }
      setTimeout(() => orders.destroy(), LET_GO_MS).unref();
    }
  }
  return {
    write: (bytes) => leader.write(bytes),
    end() {
      if (terminal === undefined) leader.end();
      // What a terminal's user types to end the input.
      else void leader.write(Buffer.from("\u0004"));
    },
    resize: ({ columns, rows }) => order(`size ${columns} ${rows}`),
    kill: (name) => order(name),
    ended: end(),
  };
}
