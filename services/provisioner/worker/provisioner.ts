/** A provisioner: a process (or a part of one) that acts. It holds Work streams to servers and does what they hand out. */
import { ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { WorkerServiceClient, type OfferedType, type Register } from "../../../gen/services/loom/internal/v1/worker.js";
import type { Automator } from "../automators/automator.js";
import type { FieldSchema, Provider } from "../providers/provider.js";
import { createSessions } from "./sessions.js";
import { createExecutor } from "./execute.js";
import { inventoryReports } from "./inventory.js";
import { createWorkStream, type StreamEvent } from "./stream.js";
import type { RunningTask } from "./task.js";

/** What a provisioner asks of a log; a pino logger is one. */
export interface ProvisionerLog {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface ProvisionerClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** From 0 to below 1. */
  random(): number;
}

export interface ProvisionerOptions {
  /** The process's name; unique among the provisioners of a datacenter. */
  readonly name: string;
  readonly datacenter?: string;
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  readonly providers: readonly Provider[];
  readonly automators: readonly Automator[];
  /** Tasks at once on each stream. */
  readonly slots: number;
  readonly streams: number;
  readonly log: ProvisionerLog;
  /** Milliseconds between two looks at whether each provider can be used; 30,000 where absent. */
  readonly offersMs?: number;
  readonly clock?: ProvisionerClock;
  /** Asked for at every connection, since they are renewed; plain text where absent. */
  readonly credentials?: () => ChannelCredentials;
  /** Told when a stream is registered, and when it ended or could not be opened. */
  readonly tell?: (event: StreamEvent) => void;
}

export interface Provisioner {
  start(): void;
  /**
   * Takes no new tasks, ends this side of the running ones and closes the streams. Scripts on nodes go on; they are
   * fenced when their tasks are handed out again.
   */
  stop(): Promise<void>;
  /** Takes no new tasks and lets the running ones end, or until the signal; `stop` comes after it. */
  drain(signal: AbortSignal): Promise<void>;
  /** Fulfilled when everything has stopped. */
  readonly done: Promise<void>;
}

const CHANNEL_OPTIONS: ChannelOptions = {
  // Every stream has a connection of its own, so that a balancer can spread them.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
  "grpc.max_receive_message_length": 64 * 1024 * 1024,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.enable_retries": 0,
};

/** A server is known by its authority and may have any address; what it is asked for by name is nothing it looks at. */
export const TLS_OPTIONS: ChannelOptions = { "grpc.ssl_target_name_override": "loom" };

const SYSTEM_CLOCK: ProvisionerClock = { now: () => performance.now(), random: Math.random };

export function createProvisioner(options: ProvisionerOptions): Provisioner {
  const { log, providers, automators } = options;
  const executor = createExecutor(providers, automators, (error, { action, node, clusterName }) => {
    log.error({ error: String(error), action, cluster: clusterName, node: node.number }, "a task met an unknown error");
  });

  async function register(worker: string): Promise<Register> {
    return {
      provisioner: options.name,
      worker,
      slots: options.slots,
      datacenter: options.datacenter ?? "",
      providers: await Promise.all(providers.map(async (each) => offered(each, await each.unavailable()))),
      automators: automators.map((each) => offered(each, undefined)),
    };
  }

  const connect = (): WorkerServiceClient =>
    new WorkerServiceClient(
      options.address,
      options.credentials?.() ?? ChannelCredentials.createInsecure(),
      options.credentials === undefined ? CHANNEL_OPTIONS : { ...CHANNEL_OPTIONS, ...TLS_OPTIONS },
    );
  const clock = options.clock ?? SYSTEM_CLOCK;
  const sessions = createSessions({ name: options.name, connect, providers, log, clock });
  const byTask = new Map<string, RunningTask>();
  const streams = Array.from({ length: options.streams }, (_, index) => {
    const worker = `${options.name}-${index + 1}`;
    return createWorkStream({
      worker,
      connect,
      register: () => register(worker),
      executor,
      inventory: (question) =>
        inventoryReports(providers, question, (error) =>
          log.error({ error: String(error), provider: question.providerType }, "an inventory met an unknown error"),
        ),
      byTask,
      offersMs: options.offersMs ?? 30_000,
      clock,
      log,
      tell: options.tell,
    });
  });
  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => (finish = resolve));
  let runs: Promise<void>[] | undefined;
  return {
    start() {
      runs ??= [...streams.map((stream) => stream.run()), sessions.run()];
    },
    async stop() {
      await Promise.all([sessions.stop(), ...streams.map((stream) => stream.stop())]);
      await Promise.all(runs ?? []);
      finish();
    },
    drain: async (signal) => {
      await Promise.all(streams.map((stream) => stream.drain(signal)));
    },
    done,
  };
}

function offered(
  plugin: { readonly type: string; readonly description: string; readonly fields: readonly FieldSchema[] },
  unavailable: string | undefined,
): OfferedType {
  return {
    type: plugin.type,
    description: plugin.description,
    fields: plugin.fields.map(({ name, type, description, required, sensitive }) => ({
      name,
      type,
      description,
      required: required ?? false,
      sensitive: sensitive ?? false,
    })),
    unavailableReason: unavailable ?? "",
  };
}
