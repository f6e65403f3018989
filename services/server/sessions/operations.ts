/** Commands on nodes: who may open one, what is kept of it, and how it is passed on to a provisioner. */
import { LoomError } from "../../common/errors.js";
import { machineToken, type IdSpace } from "../../common/ids.js";
import { withTimeLimit } from "../../common/time-limit.js";
import type { Caller, ExecOperations } from "../application.js";
import { findCluster } from "../clusters/locate.js";
import type { ClusterSpec } from "../records/types.js";
import { LOG_TOPIC, type Signals } from "../signals.js";
import type { Log } from "../store/log.js";
import { readSessionNode, type SessionNode } from "../store/read/session-node.js";
import type { Rows } from "../store/rows.js";
import { servedBy } from "../workers/types.js";
import { createSessionHub } from "./hub.js";
import type { SessionInput, SessionOutput, SessionPipe, SessionRequest, SessionStart } from "./types.js";

export interface SessionServices {
  readonly db: Rows;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly space: IdSpace;
  readonly signals: Signals;
  readonly limits?: Partial<SessionLimits>;
  /** With its sensitive fields open. @throws SECRET_UNREADABLE */
  openProvider(provider: ClusterSpec["provider"]): ClusterSpec["provider"];
}

export interface SessionLimits {
  /** Commands of one tenant at a time. */
  readonly perTenant: number;
  /** A terminal at which nothing is typed and nothing shown for so long is closed, in milliseconds. */
  readonly idleMs: number;
  /** How long a command waits for a provisioner, in milliseconds. */
  readonly offerMs: number;
}

const DEFAULT_LIMITS: SessionLimits = { perTenant: 100, idleMs: 30 * 60_000, offerMs: 10_000 };

/** Of a command, as the record of it keeps it. */
const LONGEST_PROGRAM = 100;

/** Where a command is to run, found and checked. */
interface Place {
  readonly shard: number;
  readonly cluster: bigint;
  /** As `servedBy` gives it. */
  readonly served: string;
  readonly start: SessionStart;
}

/** Provider types whose nodes can read what Loom itself can: its database, its keys, its tokens. */
const RUNS_AS_LOOM: ReadonlySet<string> = new Set(["local"]);

function checkState(cluster: string, number: number, node: SessionNode): void {
  if (node.state === "UP" || node.state === "FAILED") return;
  const why =
    node.state === "DELETED"
      ? "is gone"
      : node.state === "DELETING"
        ? "is being removed"
        : "is being made and runs no commands yet";
  throw new LoomError("NODE_STATE", `Node ${number} of "${cluster}" ${why}. "loom nodes ${cluster}" lists its nodes.`, {
    metadata: { cluster, node: String(number), state: node.state },
  });
}

function startOf(
  caller: Caller,
  request: SessionRequest,
  node: SessionNode,
  provider: ClusterSpec["provider"],
): SessionStart {
  const hardware = node.spec.hardwareTypes[node.hardware_type]?.body.providers?.[provider.name];
  const image = node.spec.imageTypes[node.image_type]?.body.providers?.[provider.name];
  return {
    clusterUid: node.uid,
    clusterName: request.cluster,
    tenant: caller.tenant,
    node: {
      number: request.node,
      incarnation: node.incarnation,
      token: machineToken(node.uid, request.node, node.incarnation),
      hostname: node.hostname,
      services: node.services,
      flavor: hardware?.flavor ?? "",
      hardwareFields: hardware?.fields ?? {},
      image: image?.image ?? "",
      user: image?.user ?? "root",
      addresses: node.addresses,
      providerResults: node.results,
    },
    providerType: provider.body.type,
    providerFields: provider.body.fields ?? {},
    command: request.command,
    env: {
      // As scripts of services have them.
      LOOM_CLUSTER: request.cluster,
      LOOM_NODE: String(request.node),
      LOOM_HOSTNAME: node.hostname,
      LOOM_SERVICES: node.services.join(" "),
      ...(request.terminal === undefined ? {} : { TERM: request.terminal.type || "xterm" }),
      ...request.env,
    },
    terminal: request.terminal?.size,
  };
}

/**
 * What a provisioner says of a machine that runs no commands, with what mends it. Its own advice is for tasks of jobs and
 * is left out.
 */
function withAdvice(thrown: unknown, { start }: Place): unknown {
  if (!(thrown instanceof LoomError) || !["MACHINE_MISSING", "PROVIDER_ERROR"].includes(thrown.reason)) return thrown;
  const what = thrown.message.split(". ", 1)[0]!.replace(/\.$/, "");
  return new LoomError(thrown.reason, `${what}. Look again, and mend it, with: loom repair ${start.clusterName}`, {
    metadata: { ...thrown.metadata, cluster: start.clusterName, node: String(start.node.number) },
    cause: thrown,
  });
}

export function createSessionOperations(services: SessionServices): ExecOperations {
  const { db, log, epochs, space, signals } = services;
  const limits = { ...DEFAULT_LIMITS, ...services.limits };
  const hub = createSessionHub();
  const open = new Map<string, number>();

  async function locate(caller: Caller, request: SessionRequest): Promise<Place> {
    const row = await findCluster(db, caller, request.cluster, space);
    const { cluster, node: number } = request;
    if (row.cluster_state === "TERMINATED") {
      throw new LoomError("CLUSTER_STATE", `Cluster "${cluster}" is TERMINATED: it has no nodes any more.`, {
        metadata: { cluster, state: row.cluster_state },
      });
    }
    const node = await readSessionNode(db, row.shard, row.id, number);
    if (node === undefined) {
      throw new LoomError(
        "NODE_NOT_FOUND",
        `Cluster "${cluster}" has no node ${number}. "loom nodes ${cluster}" lists its nodes.`,
        { metadata: { cluster, node: String(number) } },
      );
    }
    checkState(cluster, number, node);
    const { type, provisioner } = node.spec.provider.body;
    if (RUNS_AS_LOOM.has(type) && caller.role !== "admin")
      throw new LoomError(
        "PERMISSION_DENIED",
        `Nodes of provider type "${type}" are processes of the user that Loom runs as, so only an administrator may run commands on them.`,
        { metadata: { cluster, role: caller.role } },
      );
    return {
      shard: row.shard,
      cluster: row.id,
      served: servedBy(type, provisioner ?? ""),
      start: startOf(caller, request, node, services.openProvider(node.spec.provider)),
    };
  }

  /** Kept before anything runs. Arguments may hold passwords, so only how many there are is kept. */
  async function keep(caller: Caller, { shard, cluster }: Place, request: SessionRequest): Promise<void> {
    const [program = "", ...rest] = request.command;
    await log.append(
      { name: "session", shard, epoch: epochs.get(shard)!, tenant: caller.tenant, actor: caller.user },
      async () => ({
        bodies: [
          {
            kind: "SessionOpened",
            node: request.node,
            program: program.slice(0, LONGEST_PROGRAM),
            arguments: rest.length,
            terminal: request.terminal !== undefined,
            credential: caller.credential,
            sourceAddress: caller.sourceAddress,
          },
        ],
        clusterId: cluster,
        answer: () => Promise.resolve(),
      }),
    );
    signals.notify(LOG_TOPIC);
  }

  async function connect({ served, start }: Place, signal: AbortSignal): Promise<SessionPipe> {
    const offer = await withTimeLimit(limits.offerMs, signal, (limited) => hub.take(served, limited));
    // Who hung up at that moment must not cost the provisioner one of its few offers.
    if (signal.aborted && offer !== undefined) hub.giveBack(offer);
    signal.throwIfAborted();
    if (offer === undefined) {
      throw new LoomError(
        "PROVIDER_UNREACHABLE",
        `No provisioner that serves ${served} is connected, so nothing can be run on node ${start.node.number}.`,
        { metadata: { provider: served, node: String(start.node.number) } },
      );
    }
    return offer.start(start);
  }

  function count(tenant: string, by: 1 | -1): void {
    const now = (open.get(tenant) ?? 0) + by;
    if (now > limits.perTenant) {
      throw new LoomError(
        "TOO_MANY_SESSIONS",
        `${limits.perTenant} commands are open on nodes of the tenant ${tenant}, which is the most. Close some, or wait.`,
        { metadata: { tenant, limit: String(limits.perTenant) } },
      );
    }
    if (now === 0) open.delete(tenant);
    else open.set(tenant, now);
  }

  async function* carry(
    pipe: SessionPipe,
    request: SessionRequest,
    input: AsyncIterable<SessionInput>,
    signal: AbortSignal,
  ): AsyncGenerator<SessionOutput> {
    let isIdle = false;
    const close = (): void => pipe.close();
    // A command without a terminal may be silent for as long as it likes.
    const timer =
      request.terminal === undefined
        ? undefined
        : setTimeout(() => {
            isIdle = true;
            close();
          }, limits.idleMs);
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    void feed(pipe, input, () => timer?.refresh());
    const idle = (): LoomError =>
      new LoomError("TIMED_OUT", `The terminal was idle for ${limits.idleMs / 60_000} minutes and was closed.`);
    try {
      for await (const output of pipe.output) {
        timer?.refresh();
        yield output;
        if (output.kind === "end") return;
      }
      throw isIdle
        ? idle()
        : new LoomError("WORKER_LOST", "The provisioner was lost, and with it the command: it was ended on the node.");
    } catch (thrown) {
      throw isIdle ? idle() : thrown;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", close);
      close();
    }
  }

  return {
    offer: (offer) => hub.offer(offer),

    async *exec(caller, request, input, signal) {
      const place = await locate(caller, request);
      count(caller.tenant, 1);
      try {
        await keep(caller, place, request);
        yield* carry(await connect(place, signal), request, input, signal);
      } catch (thrown) {
        throw withAdvice(thrown, place);
      } finally {
        count(caller.tenant, -1);
      }
    },
  };
}

/** Passes on what is typed. A caller that says no more has ended its input. */
async function feed(pipe: SessionPipe, input: AsyncIterable<SessionInput>, touch: () => void): Promise<void> {
  let isOpen = true;
  try {
    for await (const one of input) {
      touch();
      if (one.kind === "inputEnd") isOpen = false;
      await pipe.send(one);
    }
    if (isOpen) await pipe.send({ kind: "inputEnd" });
  } catch {
    // The call has broken or made no sense; its own end says so.
    pipe.close();
  }
}
