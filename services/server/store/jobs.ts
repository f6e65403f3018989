/** What a runner reads of its job, and the records it appends. */
import { LoomError } from "../../common/errors.js";
import { clusterName } from "../../common/ids.js";
import type { JsonObject } from "../catalog/types.js";
import type { NodeState } from "../clusters/states.js";
import type { Halfway, PreviousMachine, RunCluster, RunJob, RunNode } from "../jobs/cluster-state.js";
import type { JobState } from "../jobs/states.js";
import type { NodeGroup } from "../layout/types.js";
import type { OperationKind } from "../plan/types.js";
import { decodeBody } from "../records/codec.js";
import type { ClusterSpec, JobControl, OpPlanned, OperationChange, RecordBody } from "../records/types.js";
import type { JobKey } from "./step.js";
import type { Log } from "./log.js";
import type { Transactor } from "./transaction.js";

export interface JobStore {
  /** Jobs of this owner's shards that somebody has to run: they have not ended, and are not paused before their plan. */
  open(): Promise<JobKey[]>;
  /** Nodes that are deleted are left out, but for those that this job has deleted. */
  loadForRun(key: JobKey): Promise<{ cluster: RunCluster; job: RunJob; nodes: Map<number, RunNode> }>;
  /** The job's state now and the control records after a sequence number, oldest first. */
  controlsAfter(
    key: JobKey,
    after: bigint,
  ): Promise<{ state: JobState; controls: { seq: bigint; body: JobControl }[] }>;
  /**
   * Appends what the runner of a job decided. False, and nothing appended, where somebody gave the job a command after
   * `controlSeq`: an end must not pass over it.
   * @throws FENCED where another runner has the job
   */
  appendByRunner(
    key: JobKey,
    runner: number,
    body: Extract<RecordBody, { job: number }>,
    controlSeq?: bigint,
  ): Promise<boolean>;
}

interface ClusterRow {
  readonly uid: string;
  readonly display_name: string;
  readonly tenant: string;
  readonly owner: string;
  readonly spec: ClusterSpec;
  readonly config: JsonObject;
  readonly next_node: number;
}

interface JobRow {
  readonly kind: OperationKind;
  readonly state: JobState;
  readonly request: { groups?: NodeGroup[]; change?: OperationChange };
  readonly planned: (Omit<OpPlanned, "kind" | "job"> & { readonly deleted?: readonly number[] }) | null;
  readonly seq: bigint;
}

interface NodeRow {
  readonly number: number;
  readonly incarnation: number;
  readonly hostname: string;
  readonly hardware_type: string;
  readonly image_type: string;
  readonly services: string[];
  readonly state: NodeState;
  readonly addresses: Record<string, string>;
  readonly machine: string;
  readonly results: JsonObject;
  readonly message: string;
  readonly is_finished: boolean;
  readonly previous: PreviousMachine[];
  readonly halfway: Halfway;
  readonly stopped: string[];
}

/** @param epochs the shards this process owns, with their epochs */
export function createJobStore(transactor: Transactor, log: Log, epochs: ReadonlyMap<number, bigint>): JobStore {
  return {
    async open() {
      const rows = await transactor.statement<{ shard: number; cluster_id: bigint; number: number; tenant: string }>(
        "open jobs",
        "SELECT shard, cluster_id, number, tenant FROM job WHERE state NOT IN ('COMPLETE', 'FAILED', 'CANCELLED') AND NOT (state = 'PAUSED' AND planned IS NULL) AND shard = ANY($1) ORDER BY accepted_at",
        [[...epochs.keys()]],
        "open_jobs",
      );
      return rows.map((row) => ({
        shard: row.shard,
        epoch: epochs.get(row.shard)!,
        cluster: row.cluster_id,
        job: row.number,
        tenant: row.tenant,
      }));
    },

    async loadForRun(key) {
      return transactor.run("load job", async (tx) => {
        const [cluster] = await tx.rows<ClusterRow>(
          "SELECT uid, display_name, tenant, owner, spec, config, next_node FROM cluster WHERE shard = $1 AND id = $2",
          [key.shard, key.cluster],
        );
        const [job] = await tx.rows<JobRow>(
          "SELECT kind, state, request, planned, seq FROM job WHERE shard = $1 AND cluster_id = $2 AND number = $3",
          [key.shard, key.cluster, key.job],
        );
        if (cluster === undefined || job === undefined)
          throw new LoomError("JOB_NOT_FOUND", `Job ${key.job} of cluster ${key.cluster} is not there.`);
        const nodes = await tx.rows<NodeRow>(
          `SELECT number, incarnation, hostname, hardware_type, image_type, services, state, addresses, machine, results, message, is_finished, previous, halfway, stopped FROM node
           WHERE shard = $1 AND cluster_id = $2 AND (state <> 'DELETED' OR number = ANY($3)) ORDER BY number`,
          [key.shard, key.cluster, job.planned?.deleted ?? []],
        );
        return {
          cluster: {
            shard: key.shard,
            id: key.cluster,
            uid: cluster.uid,
            name: clusterName(cluster.display_name, key.cluster),
            displayName: cluster.display_name,
            tenant: cluster.tenant,
            owner: cluster.owner,
            spec: cluster.spec,
            config: cluster.config,
            nextNode: cluster.next_node,
          },
          job: {
            number: key.job,
            kind: job.kind,
            state: job.state,
            groups: job.request.groups ?? [],
            change: job.request.change ?? {},
            planned: job.planned ?? undefined,
            seq: job.seq,
          },
          nodes: new Map(
            nodes.map((node) => [
              node.number,
              {
                number: node.number,
                incarnation: node.incarnation,
                hostname: node.hostname,
                hardwareType: node.hardware_type,
                imageType: node.image_type,
                services: node.services,
                state: node.state,
                addresses: node.addresses,
                machine: node.machine,
                results: node.results,
                message: node.message,
                isFinished: node.is_finished,
                previous: node.previous,
                halfway: node.halfway,
                stopped: node.stopped,
              },
            ]),
          ),
        };
      });
    },

    async controlsAfter(key, after) {
      // One statement: a state older than the last of the commands would end a cancelled job as a failed one.
      const rows = await transactor.statement<{ state: JobState; seq: bigint | null; format: number; payload: Buffer }>(
        "job controls",
        `SELECT j.state, l.seq, l.format, l.payload FROM job j
         LEFT JOIN log_record l ON j.seq > $4 AND l.shard = j.shard AND l.cluster_id = j.cluster_id AND l.seq > $4 AND l.job = j.number AND l.kind = 'JobControl'
         WHERE j.shard = $1 AND j.cluster_id = $2 AND j.number = $3 ORDER BY l.seq`,
        [key.shard, key.cluster, key.job, after],
        "job_controls",
      );
      const [first] = rows;
      if (first === undefined)
        throw new LoomError("JOB_NOT_FOUND", `Job ${key.job} of cluster ${key.cluster} is not there.`);
      return {
        state: first.state,
        controls: rows.flatMap((row) =>
          row.seq === null ? [] : [{ seq: row.seq, body: decodeBody(row.payload, row.format) as JobControl }],
        ),
      };
    },

    async appendByRunner(key, runner, body, controlSeq) {
      const request = {
        name: `append ${body.kind}`,
        shard: key.shard,
        epoch: key.epoch,
        tenant: key.tenant,
        actor: "",
      };
      return log.append(request, async (tx) => {
        const [run] = await tx.rows<{ runner: number }>(
          "SELECT runner FROM job_run WHERE shard = $1 AND cluster_id = $2 AND job = $3 FOR UPDATE",
          [key.shard, key.cluster, key.job],
        );
        if (run?.runner !== runner) throw new LoomError("FENCED", "Another runner has taken this job over.");
        const unseen =
          controlSeq === undefined
            ? []
            : await tx.rows(
                "SELECT seq FROM log_record WHERE shard = $1 AND cluster_id = $2 AND seq > $3 AND job = $4 AND kind = 'JobControl' LIMIT 1",
                [key.shard, key.cluster, controlSeq, key.job],
              );
        const isPassedOver = unseen.length > 0;
        return {
          bodies: isPassedOver ? [] : [body],
          clusterId: key.cluster,
          job: key.job,
          answer: () => Promise.resolve(!isPassedOver),
        };
      });
    },
  };
}
