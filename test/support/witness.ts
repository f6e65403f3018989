/**
 * Looks at a cluster after every write, past the server, as a watcher of endless speed would, and complains of whatever
 * went back: states that ended, counts, tries, incarnations.
 */
import { CLUSTER_STATES } from "../../services/server/clusters/states.js";
import { isEnded } from "../../services/server/jobs/states.js";
import type { Database } from "../../services/server/store/database.js";
import { clusterView, readClusters, readNodes } from "../../services/server/store/read/clusters.js";
import { jobView, readJobsOfCluster, readTasks } from "../../services/server/store/read/jobs.js";
import { createReader } from "../../services/server/store/rows.js";
import { createTransactor } from "../../services/server/store/transaction.js";
import type { ClusterView, JobView, NodeView, TaskView } from "../../services/server/views.js";

/** What is known of a cluster at one moment. */
export interface Sight {
  readonly cluster: ClusterView;
  /** Newest first. */
  readonly jobs: readonly JobView[];
  /** Of the newest job. */
  readonly tasks: readonly TaskView[];
  /** Deleted ones too. */
  readonly nodes: readonly NodeView[];
}

export interface Witness {
  /** Undefined where the cluster is not there yet. */
  look(): Promise<Sight | undefined>;
  /** A command was given: a job that failed or was cancelled may go on. */
  commanded(): void;
  /** What went back, in words; nothing in a Loom that keeps its word. */
  readonly complaints: readonly string[];
}

/** @param displayName of the cluster; nobody else may use it */
export function createWitness(database: Database, displayName: string): Witness {
  const db = createReader(createTransactor(database));
  const complaints: string[] = [];
  let last: Sight | undefined;
  let mayGoOn = false;
  let turn: Promise<unknown> = Promise.resolve();

  async function see(): Promise<Sight | undefined> {
    const filter = {
      tenant: "default",
      states: CLUSTER_STATES,
      displayName,
      template: "",
      before: undefined,
      limit: 10,
    };
    const rows = await readClusters(db, filter);
    if (rows.length > 1) complaints.push(`${rows.length} clusters are called ${displayName}`);
    const row = rows[0];
    if (row === undefined) {
      if (last !== undefined) complaints.push(`${last.cluster.name} has vanished`);
      return undefined;
    }
    const cluster = clusterView(row, {}, []);
    const sight: Sight = {
      cluster,
      jobs: (await readJobsOfCluster(db, row.shard, row.id, [], undefined, 100)).map(jobView),
      tasks: await readTasks(db, row.shard, row.id, cluster.name, row.number, { limit: 10_000 }),
      nodes: await readNodes(db, row.shard, row.id, cluster.name, { showDeleted: true, limit: 10_000 }),
    };
    if (last !== undefined) complaints.push(...setbacks(last, sight, mayGoOn));
    last = sight;
    return sight;
  }

  return {
    look: () => (turn = turn.then(see)) as Promise<Sight | undefined>,
    commanded: () => void (mayGoOn = true),
    complaints,
  };
}

const seqOf = (etag: string): number => Number(etag.split("-")[1]);
/** Machines that were made again. */
const madeAgain = (sight: Sight): number => sight.nodes.reduce((sum, node) => sum + node.incarnation - 1, 0);

/** The two looks may be of moments apart, and each of its own parts; whatever holds of them holds at any distance. */
function setbacks(before: Sight, after: Sight, mayGoOn: boolean): string[] {
  const found: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) found.push(`${after.cluster.name}: ${what}`);
  };
  const [from, to] = [before.cluster.state, after.cluster.state];
  check(before.cluster.uid === after.cluster.uid, "is another cluster");
  check(from !== "TERMINATED" || to === "TERMINATED", `went from TERMINATED to ${to}`);
  check(seqOf(after.cluster.etag) >= seqOf(before.cluster.etag), "has an older etag");
  for (const job of before.jobs) {
    const now = after.jobs.find(({ number }) => number === job.number);
    if (now === undefined) {
      check(false, `job ${job.number} has vanished`);
      continue;
    }
    const goesOn = mayGoOn && job.state !== "COMPLETE";
    check(
      !isEnded(job.state) || goesOn || now.state === job.state,
      `job ${job.number} went from ${job.state} to ${now.state}`,
    );
    check(seqOf(now.etag) >= seqOf(job.etag), `job ${job.number} has an older etag`);
    check(now.runner >= job.runner, `job ${job.number} has runner ${now.runner} after ${job.runner}`);
    // A machine that is made again takes its CREATE back, after its new incarnation is stored.
    check(
      now.doneCount >= job.doneCount - madeAgain(after),
      `job ${job.number} has done ${now.doneCount} after ${job.doneCount}`,
    );
  }
  for (const node of before.nodes) {
    const now = after.nodes.find(({ number }) => number === node.number);
    check(now !== undefined, `node ${node.number} has vanished`);
    check((now?.incarnation ?? 0) >= node.incarnation, `node ${node.number} has an older incarnation`);
    check(node.state !== "DELETED" || now?.state === "DELETED", `node ${node.number} is ${now?.state} after DELETED`);
  }
  if (before.jobs[0]?.number !== after.jobs[0]?.number) return found;
  for (const task of before.tasks) {
    const now = after.tasks.find(({ number }) => number === task.number);
    check(now !== undefined, `task ${task.number} has vanished`);
    if (now === undefined) continue;
    check(now.attempt >= task.attempt, `task ${task.number} has attempt ${now.attempt} after ${task.attempt}`);
    const isMadeAgain = task.action === "CREATE" && madeAgain(after) > 0;
    const isDone = task.state === "COMPLETE" || task.state === "SKIPPED";
    check(
      !isDone || isMadeAgain || now.state === task.state,
      `task ${task.number} is ${now.state} after ${task.state}`,
    );
  }
  return found;
}
