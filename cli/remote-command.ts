/** One command on one node, from this side: what goes in, what comes out, how it is ended. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LoomClient } from "../gateway/client.js";
import type { ExecRequestSchema } from "../gen/web/loom/v1/exec_pb.js";
import { createConduit } from "../services/common/conduit.js";
import { LoomError } from "../services/common/errors.js";
import { failureOf } from "./errors.js";
import { CliError, EXIT } from "./exit.js";

type Request = MessageInitShape<typeof ExecRequestSchema>;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface RemoteCommand {
  /** `clusters/hello-1a/nodes/1000` */
  readonly node: string;
  /** None: a shell. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminal?: { readonly size: TerminalSize; readonly type: string };
  /** For its standard input; nothing where absent. */
  readonly input?: AsyncIterable<string | Uint8Array>;
  /** Milliseconds after which it is ended. */
  readonly timeout?: number;
  /** Calls the handler when the terminal has another size. Returns what undoes it. */
  onResize?(handler: (size: TerminalSize) => void): () => void;
  /** Fulfilled when more may come. */
  output(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
}

/** Messages that wait to be sent before the input is asked to pause. */
const WAITING = 2;
const PIECE_BYTES = 64 * 1024;
/** A command that was interrupted may tidy up for so long. */
const TIDY_MS = 3_000;

/** Failures of Loom itself, told from exit codes of the command. */
export function lost(thrown: unknown): CliError {
  const { message, advice, reason, requestId, violations } = failureOf(thrown);
  return new CliError(EXIT.lost, message, { advice, reason, requestId, violations, cause: thrown });
}

function connectionLost(cause?: unknown): LoomError {
  return new LoomError(
    "UNREACHABLE",
    "The connection to Loom was lost before the command had ended. The command is ended on the node.",
    { cause },
  );
}

async function feed(
  input: AsyncIterable<string | Uint8Array>,
  push: (request: Request) => Promise<void>,
): Promise<void> {
  for await (const chunk of input) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      await push({ body: { case: "stdin", value: Uint8Array.from(bytes.subarray(at, at + PIECE_BYTES)) } });
  }
}

/**
 * Runs it to its end.
 *
 * @param interrupted sends the command the signal INT, and ends it soon after
 * @returns its exit code, or EXIT.commandTimedOut
 * @throws CliError with EXIT.lost where it could not be run, or was lost
 */
export async function runRemote(api: LoomClient, asked: RemoteCommand, interrupted: AbortSignal): Promise<number> {
  const requests = createConduit<Request>(WAITING);
  const push = (request: Request): Promise<void> => requests.push(request) ?? Promise.resolve();
  const cut = new AbortController();
  let isLate = false;
  let tidy: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    void push({ body: { case: "signal", value: { name: "INT" } } });
    tidy = setTimeout(() => cut.abort(), TIDY_MS);
  };
  const timer =
    asked.timeout === undefined
      ? undefined
      : setTimeout(() => {
          isLate = true;
          cut.abort();
        }, asked.timeout);
  const release = asked.onResize?.((size) => void push({ body: { case: "resize", value: size } }));
  const { node, command, env, terminal } = asked;
  void push({
    body: {
      case: "start",
      value: { node, command: [...command], env: { ...env }, ...(terminal === undefined ? {} : { terminal }) },
    },
  });
  interrupted.addEventListener("abort", interrupt, { once: true });
  if (interrupted.aborted) cut.abort();
  const end = (): void => void push({ body: { case: "inputEnd", value: {} } });
  if (asked.input === undefined) end();
  else feed(asked.input, push).then(end, end);
  try {
    for await (const { body } of api.exec.exec(requests, { signal: cut.signal })) {
      if (body.case === "stdout" || body.case === "stderr") await asked.output(body.case, body.value);
      if (body.case === "end") return body.value.exitCode;
    }
    throw connectionLost();
  } catch (thrown) {
    if (isLate) return EXIT.commandTimedOut;
    if (interrupted.aborted) return EXIT.interrupted;
    // Nobody here has cancelled it.
    const isCut = thrown instanceof LoomError && thrown.reason === "CANCELLED";
    throw lost(isCut ? connectionLost(thrown) : thrown);
  } finally {
    clearTimeout(timer);
    clearTimeout(tidy);
    release?.();
    interrupted.removeEventListener("abort", interrupt);
    requests.abort();
  }
}
