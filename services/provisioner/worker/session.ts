/** One stream for one command: offered to the server, started when the server says so, carried to its end. */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type {
  SessionsRequest,
  SessionsResponse,
  SessionStart,
  WorkerServiceClient,
} from "../../../gen/services/loom/internal/v1/worker.js";
import { LoomError } from "../../common/errors.js";
import { messagesOf } from "../../common/grpc-streams.js";
import type { OpenCommand } from "../automators/channel.js";
import type { MachineRequest, Provider } from "../providers/provider.js";
import type { ProvisionerLog } from "./provisioner.js";

export interface SessionOptions {
  /** The provisioner's name. */
  readonly name: string;
  readonly client: WorkerServiceClient;
  readonly providers: readonly Provider[];
  readonly log: ProvisionerLog;
}

/** Largest piece of output in a message. */
const PIECE_BYTES = 64 * 1024;

function machineOf(start: SessionStart): MachineRequest {
  const { node, clusterUid, clusterName, tenant } = start;
  if (node === undefined) throw new LoomError("INVALID_FIELD", "The server named no node.");
  return {
    token: node.token,
    clusterUid,
    clusterName,
    tenant,
    nodeNumber: node.number,
    hostname: node.hostname,
    services: node.services,
    flavor: node.flavor,
    hardwareFields: node.hardwareFields ?? {},
    image: node.image,
    user: node.user,
    fields: start.providerFields ?? {},
    results: node.providerResults ?? {},
  };
}

async function pass(command: OpenCommand, { body }: SessionsResponse): Promise<void> {
  switch (body?.$case) {
    case "stdin":
      return command.write(body.value);
    case "inputEnd":
      return command.end();
    case "resize":
      return command.resize(body.value);
    case "signal":
      return command.kill(body.value);
    default:
      return undefined;
  }
}

/**
 * Waits for a command and carries it. Never rejects. The command ends when the stream does.
 *
 * @param started called when a command has come, so that another stream can wait for the next
 * @param signal ends it
 * @returns false where the server could not be reached
 */
export async function waitForCommand(
  options: SessionOptions,
  started: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, log } = options;
  const call: ClientDuplexStream<SessionsRequest, SessionsResponse> = client.sessions();
  const { incoming, send, abort } = messagesOf<SessionsResponse, SessionsRequest>(
    call,
    () => new LoomError("CANCELLED", "The server hung up."),
  );
  const stop = (): void => abort();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const say = (body: NonNullable<SessionsRequest["body"]>): Promise<void> => send({ body });
  let reached = false;
  try {
    const providerTypes = options.providers.map(({ type }) => type);
    await say({ $case: "offer", value: { provisioner: options.name, providerTypes } });
    const messages = incoming[Symbol.asyncIterator]();
    const first = await messages.next();
    if (first.done === true) return true;
    reached = true;
    if (first.value.body?.$case !== "start") return true;
    started();
    const start = first.value.body.value;
    await carry(options, start, messages, say, signal);
    call.end();
    // The server ends its side when it has read this one to its end.
    for (let next = await messages.next(); next.done !== true; next = await messages.next());
    return true;
  } catch (thrown) {
    if (reached && !signal.aborted) log.debug({ error: String(thrown) }, "the stream of a command ended");
    return reached;
  } finally {
    signal.removeEventListener("abort", stop);
    call.cancel();
  }
}

async function carry(
  { providers, log }: SessionOptions,
  asked: SessionStart,
  messages: AsyncIterator<SessionsResponse>,
  say: (body: NonNullable<SessionsRequest["body"]>) => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  // Said once, before anything that is printed.
  let isStarted = false;
  const start = (): void => {
    if (!isStarted) void say({ $case: "started", value: {} });
    isStarted = true;
  };
  const gone = new AbortController();
  try {
    const machine = machineOf(asked);
    const provider = providers.find(({ type }) => type === asked.providerType);
    if (provider === undefined) {
      throw new LoomError("PLUGIN_TYPE_UNKNOWN", `This provisioner has no provider of type "${asked.providerType}".`);
    }
    let isOver = false;
    let opened: (command: OpenCommand) => void = () => {};
    const isOpen = new Promise<OpenCommand>((resolve) => (opened = resolve));
    // Read from the start: who hangs up while the command is being started must be noticed.
    const feed = async (): Promise<void> => {
      try {
        for (let next = await messages.next(); next.done !== true; next = await messages.next())
          await pass(await isOpen, next.value);
      } catch (thrown) {
        if (!isOver) log.debug({ error: String(thrown) }, "whoever ran a command has gone");
      } finally {
        // Nobody is there any more.
        gone.abort();
      }
    };
    void feed();
    const command = await provider.channel(machine).open(asked.command, {
      env: asked.env,
      terminal: asked.terminal,
      signal: gone.signal,
      onOutput(stream, bytes) {
        start();
        let wait: Promise<void> | undefined;
        for (let at = 0; at < bytes.length; at += PIECE_BYTES)
          wait = say({ $case: stream, value: Buffer.from(bytes.subarray(at, at + PIECE_BYTES)) });
        return wait;
      },
    });
    start();
    opened(command);
    const { exitCode } = await command.ended;
    isOver = true;
    if (stopping.aborted)
      throw new LoomError(
        "WORKER_LOST",
        "The provisioner was stopped, and with it the command: it was ended on the node.",
      );
    await say({ $case: "end", value: { exitCode } });
  } catch (thrown) {
    if (!(thrown instanceof LoomError) && !gone.signal.aborted)
      log.error({ error: String(thrown), provider: asked.providerType }, "a command met an unknown error");
    const known = thrown instanceof LoomError ? thrown : undefined;
    await say({
      $case: "failure",
      value: {
        reason: known?.reason ?? "PROVIDER_ERROR",
        message: known?.message ?? "The provider met an error that Loom does not know; the provisioner's log holds it.",
      },
    });
  }
}
