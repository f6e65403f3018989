/** `loom exec` and `loom ssh` */
import { Node_State, type Cluster, type Node } from "../../gen/web/loom/v1/cluster_pb.js";
import type { LoomClient } from "../../gateway/client.js";
import { didYouMean } from "../../services/server/catalog/suggest.js";
import { parseDuration } from "../duration.js";
import { badInput, EXIT } from "../exit.js";
import { findCluster, lastPart } from "../names.js";
import { lost, runRemote, type RemoteCommand, type TerminalSize } from "../remote-command.js";
import { nodeStyle } from "../render/colour.js";
import { withoutControls } from "../render/log.js";
import { createPrefixedOutput } from "../render/prefixed.js";
import { count } from "../render/words.js";
import type { Session } from "../session.js";
import { nodesOf } from "./status.js";

export interface ExecOptions {
  readonly all?: boolean;
  readonly tty?: boolean;
  /** Undefined: a pipe is passed on, to one node. */
  readonly stdin?: boolean;
  readonly env?: readonly string[];
  readonly timeout?: string;
  readonly parallel?: number;
}

const PARALLEL = 10;
/** Of an input that goes to several nodes. */
const MOST_INPUT = 16 * 1024 * 1024;

/** What a word means: a node by its number or its host name, or the nodes of a service. */
function chosen(cluster: Cluster, nodes: readonly Node[], text: string): { nodes: readonly Node[]; isOne: boolean } {
  const one = nodes.find((node) => String(node.number) === text || node.hostname === text);
  if (one !== undefined) return { nodes: [one], isOne: true };
  const of = nodes.filter((node) => node.services.includes(text));
  if (of.length > 0) return { nodes: of, isOne: false };
  const services = [...new Set(nodes.flatMap((node) => node.services))].sort();
  const known = [...nodes.map((node) => String(node.number)), ...services];
  throw badInput(
    `Cluster ${lastPart(cluster.name)} has no node and no service "${text}". ${didYouMean(text, known)}`.trimEnd(),
    `Nodes: loom nodes ${lastPart(cluster.name)}    Services: ${services.join(", ") || "none"}`,
  );
}

function environment(flags: readonly string[], session: Session): Record<string, string> {
  return Object.fromEntries(
    flags.map((flag) => {
      const at = flag.indexOf("=");
      const key = at < 0 ? flag : flag.slice(0, at);
      const value = at < 0 ? session.terminal.env[key] : flag.slice(at + 1);
      if (value === undefined || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
        throw badInput(
          `--env ${flag} sets nothing.`,
          "Give --env NAME=VALUE, or --env NAME for the value it has here.",
        );
      return [key, value];
    }),
  );
}

function sizeOf({ stdout }: Session["terminal"]): TerminalSize {
  return { columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 };
}

/** Everything the input holds, to be given several times. */
async function wholeInput(session: Session): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of session.terminal.stdin) {
    const piece = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    bytes += piece.length;
    if (bytes > MOST_INPUT) throw badInput("An input for several nodes may have at most 16 MiB.");
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}

const written = (sink: Session["terminal"]["stdout"], bytes: Uint8Array): Promise<void> =>
  bytes.length === 0 ? Promise.resolve() : new Promise((resolve) => void sink.write(bytes, resolve));

type Common = Pick<RemoteCommand, "command" | "env" | "timeout">;

/** One node: what the command prints is what is printed, and its exit code is ours. */
async function runOne(
  session: Session,
  api: LoomClient,
  node: Node,
  common: Common,
  options: ExecOptions,
): Promise<number> {
  const { terminal } = session;
  const withTerminal = options.tty === true;
  const takesInput = options.stdin ?? (withTerminal || terminal.stdin.isTTY !== true);
  if (withTerminal) terminal.setRaw(true);
  try {
    return await runRemote(
      api,
      {
        ...common,
        node: node.name,
        ...(withTerminal ? { terminal: { size: sizeOf(terminal), type: terminal.env["TERM"] ?? "" } } : {}),
        ...(takesInput ? { input: terminal.stdin } : {}),
        ...(withTerminal ? { onResize: (handler) => terminal.onResize(() => handler(sizeOf(terminal))) } : {}),
        output: (stream, bytes) => written(terminal[stream], bytes),
      },
      session.signal,
    );
  } finally {
    if (withTerminal) terminal.setRaw(false);
  }
}

/** Several nodes: each line says where it comes from. 0 where the command ended with 0 everywhere, else 1. */
async function runMany(
  session: Session,
  api: LoomClient,
  nodes: readonly Node[],
  common: Common,
  options: ExecOptions,
): Promise<number> {
  if (options.tty === true) throw badInput(`A terminal is for one node, and this is about ${nodes.length}.`);
  const input = options.stdin === true ? await wholeInput(session) : undefined;
  const width = Math.max(...nodes.map(({ number }) => String(number).length));
  const failures: string[] = [];
  const waiting = [...nodes];

  async function run(node: Node): Promise<void> {
    const label = `${String(node.number).padEnd(width)} | `;
    const sinks = { stdout: session.terminal.stdout, stderr: session.terminal.stderr };
    const palettes = { stdout: session.outPalette, stderr: session.errPalette };
    const printers = {
      stdout: createPrefixedOutput(nodeStyle(node.number, palettes.stdout)(label)),
      stderr: createPrefixedOutput(nodeStyle(node.number, palettes.stderr)(label)),
    };
    const print = (stream: "stdout" | "stderr", lines: Buffer): Promise<void> => {
      const clean = sinks[stream].isTTY === true ? Buffer.from(cleaned(lines, palettes[stream].enabled)) : lines;
      return written(sinks[stream], clean);
    };
    let exit: number;
    try {
      exit = await runRemote(
        api,
        {
          ...common,
          node: node.name,
          ...(input === undefined ? {} : { input: once(input) }),
          output: (stream, bytes) => print(stream, printers[stream].add(bytes)),
        },
        session.signal,
      );
    } catch (thrown) {
      exit = EXIT.lost;
      session.say(`${nodeStyle(node.number, session.errPalette)(label)}${(thrown as Error).message}`);
    }
    for (const stream of ["stdout", "stderr"] as const) await print(stream, printers[stream].rest());
    if (exit !== 0) failures.push(`${node.number} (exit code ${exit})`);
  }
  async function runNext(): Promise<void> {
    for (let node = waiting.shift(); node !== undefined && !session.signal.aborted; node = waiting.shift())
      await run(node);
  }
  await Promise.all(Array.from({ length: Math.min(options.parallel ?? PARALLEL, nodes.length) }, runNext));
  if (failures.length === 0) return EXIT.done;
  session.say(`Failed on ${failures.length} of ${count(nodes.length, "node")}: ${failures.sort().join(", ")}`);
  return EXIT.failed;
}

/** Nothing of what comes from a node may move the cursor or change the terminal. */
function cleaned(lines: Buffer, colours: boolean): string {
  return lines
    .toString("utf8")
    .split("\n")
    .map((line) => withoutControls(line, colours))
    .join("\n");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

export async function run(
  session: Session,
  options: ExecOptions,
  text: string,
  target: string | undefined,
  rest: readonly string[],
): Promise<number> {
  const words = target === undefined ? [] : [target, ...rest];
  const command = options.all === true ? words : words.slice(1);
  if (target === undefined)
    throw badInput(
      "It is not said on which node.",
      "Give a node, a service or --all: loom exec CLUSTER NODE -- COMMAND",
    );
  if (command.length === 0)
    throw badInput(
      "It is not said what to run.",
      "For example: loom exec CLUSTER NODE -- uptime. A shell: loom ssh CLUSTER NODE",
    );
  return start(session, options, text, options.all === true ? undefined : target, command);
}

export async function ssh(
  session: Session,
  options: ExecOptions,
  text: string,
  target: string,
  command: readonly string[],
): Promise<number> {
  const { stdin, stdout } = session.terminal;
  const tty = options.tty !== false && stdin.isTTY === true && stdout.isTTY === true;
  return start(session, { ...options, tty, stdin: true }, text, target, command);
}

async function start(
  session: Session,
  options: ExecOptions,
  text: string,
  target: string | undefined,
  command: readonly string[],
): Promise<number> {
  const common: Common = {
    command,
    env: environment(options.env ?? [], session),
    ...(options.timeout === undefined ? {} : { timeout: parseDuration(options.timeout) }),
  };
  try {
    const api = await session.api();
    const cluster = await findCluster(api, text, session.signal);
    const nodes = await nodesOf(session, api, cluster.name, target !== undefined);
    if (target === undefined) return await runMany(session, api, nodes, common, options);
    // A node that is gone is only found by its number, to be told that it is.
    const present = nodes.filter(({ state }) => state !== Node_State.DELETED);
    const choice = chosen(cluster, /^\d+$/.test(target) ? nodes : present, target);
    // At a terminal, or with a shell, a service of one node is that node.
    const isOne = choice.isOne || ((options.tty === true || command.length === 0) && choice.nodes.length === 1);
    return isOne
      ? await runOne(session, api, choice.nodes[0]!, common, options)
      : await runMany(session, api, choice.nodes, common, options);
  } catch (thrown) {
    throw lost(thrown);
  }
}
