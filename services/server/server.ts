/** A server: the application, the job engine and the hub of worker streams, put together over one database. */
import type { Logger } from "../common/log.js";
import type { Application } from "./application.js";
import { createClusterOperations } from "./clusters/operations.js";
import { createCatalogOperations } from "./documents/operations.js";
import { openFields, openProvider } from "./documents/sensitive.js";
import { createCatalogSnapshots } from "./documents/snapshot.js";
import { createEventOperations } from "./events/operations.js";
import { createJobEngine, type JobEngine } from "./jobs/engine.js";
import { createJobOperations } from "./jobs/operations.js";
import type { ProgressLimits } from "./jobs/progress.js";
import { createProvisionerOperations, type Enrolment } from "./provisioners/operations.js";
import { createPlanner, type Planner } from "./plan/thread.js";
import { JOBS_TOPIC, LOG_TOPIC, createSignals, logsTopic } from "./signals.js";
import { createLeaseChanger } from "./leases/change.js";
import { createLeaseKeeper, type LeaseKeeper } from "./leases/keeper.js";
import { createLogKeeper, type LogKeeper } from "./logs/keeper.js";
import { DEFAULT_RETENTION, type Retention } from "./logs/retention.js";
import { createQuotas } from "./quotas/operations.js";
import { createStrayOperations } from "./watch-over/operations.js";
import { NO_JOB, removeStray } from "./watch-over/reaper.js";
import { createStrayWatch } from "./watch-over/stray-watch.js";
import { createWatcher, type Watcher } from "./watch-over/watcher.js";
import { createSessionOperations } from "./sessions/operations.js";
import type { Database } from "./store/database.js";
import { createDocumentStore } from "./store/documents.js";
import { openEpochs, openInstallation, type Installation } from "./store/installation.js";
import { createJobProgressStore } from "./store/job-progress.js";
import { createJobStore } from "./store/jobs.js";
import { createLog } from "./store/log.js";
import { createLogRetentionStore } from "./store/log-retention.js";
import { createObservationStore } from "./store/observations.js";
import { createStrayStore } from "./store/strays.js";
import { readHeads } from "./store/read/events.js";
import { createReader } from "./store/rows.js";
import { openClusterSecrets, type SecretBox } from "./store/secrets.js";
import { createTaskLogWriter } from "./store/task-logs.js";
import { createTransactor, type TransactionHooks } from "./store/transaction.js";
import { createTokens, type Tokens } from "./tenants/tokens.js";
import { createSlotHub, type SlotHub } from "./workers/hub.js";
import { leaseKey } from "./workers/types.js";

export interface ServerOptions {
  readonly database: Database;
  readonly datacenter: string;
  readonly space: { readonly start: number; readonly increment: number; readonly shards: number };
  readonly secrets: SecretBox;
  readonly version: string;
  readonly log: Logger;
  /** Names this process in job leases. */
  readonly holder: string;
  /** Lets provisioners of other machines in; nobody is let in where it is absent. */
  readonly enrolment?: Enrolment;
  /** No other process can use this database. */
  readonly soleOwner: boolean;
  readonly timing?: Partial<Timing>;
  /** How long output of scripts is kept, and how much of it. */
  readonly logs?: Retention;
  readonly hooks?: TransactionHooks;
  /** The clock that leases go by, in milliseconds since 1970; the machine's where absent. */
  readonly now?: () => number;
  /** One that is there already and outlives the server; it starts its own where this is absent. */
  readonly planner?: Planner;
}

/** Milliseconds; the defaults are those of docs/architecture.md. */
export interface Timing {
  readonly taskLeaseMs: number;
  readonly heartbeatMs: number;
  readonly jobLeaseMs: number;
  readonly backoffMs: (failures: number) => number;
  /** Before another try where a provider could not be reached. */
  readonly unreachableMs: number;
  /** Between two passes over leases that end. */
  readonly leasePassMs: number;
  /** Between two passes over all clusters and their machines; 0: only what is asked for is looked at. */
  readonly reconcileMs: number;
  /** Before what looks worse than it was is asked once more. */
  readonly confirmMs: number;
  /** Before a machine that nobody owns is removed. */
  readonly strayGraceMs: number;
}

const DEFAULT_TIMING: Timing = {
  taskLeaseMs: 10_000,
  heartbeatMs: 3_000,
  jobLeaseMs: 10_000,
  // 1 s, 4 s, 16 s.
  backoffMs: (failures) => 1000 * 4 ** (failures - 1),
  unreachableMs: 5_000,
  leasePassMs: 180_000,
  reconcileMs: 60_000,
  confirmMs: 1_000,
  strayGraceMs: 3_600_000,
};

/** Before the first pass over leases, so that a start is not held up by clusters that ended while Loom was down. */
const FIRST_LEASE_PASS_MS = 10_000;

/** Between two passes over the output of scripts, and before the first one. */
const LOG_PASS = { passMs: 3_600_000, firstMs: 60_000 };

/** Before the first look at clusters: provisioners are about to connect. */
const FIRST_LOOK_MS = 3_000;

export interface Server {
  readonly application: Application;
  readonly hub: SlotHub;
  readonly engine: JobEngine;
  readonly tokens: Tokens;
  readonly installation: Installation;
  readonly leases: LeaseKeeper;
  readonly logs: LogKeeper;
  readonly watcher: Watcher;
  /** Stores what is under way and stops. The database stays open. */
  stop(): Promise<void>;
}

/** Opens what the database holds and starts the job engine. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { database, log } = options;
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const now = (): number => Date.now();
  const today = (): Date => new Date();
  const transactor = createTransactor(database, {
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    onRetry: (name, attempt, error) =>
      log.warn({ transaction: name, attempt, err: error }, "a transaction is tried again"),
  });
  const db = createReader(transactor);
  const installation = await openInstallation(transactor, options, today);
  const { epochs, space } = installation;
  const records = createLog(transactor, today);
  await openEpochs(records, installation, await readHeads(db));

  const signals = createSignals();
  const logWriter = createTaskLogWriter(
    transactor,
    now,
    (cluster, job) => signals.notify(logsTopic(cluster, job)),
    (error) => log.error({ err: error }, "output of scripts could not be stored"),
  );
  const hub = createSlotHub({
    leaseMs: timing.taskLeaseMs,
    heartbeatMs: timing.heartbeatMs,
    monotonic: () => performance.now(),
    log(chunk, tenant) {
      if (chunk.lease.job !== NO_JOB) logWriter.write(chunk, tenant);
    },
    refused: (what, lease, { provisioner, worker }) =>
      log.warn(
        { what, task: leaseKey(lease), provisioner, worker },
        "a provisioner spoke of a task that was given to another one; nothing of it was taken",
      ),
  });
  const documents = createDocumentStore(database);
  const snapshots = createCatalogSnapshots(documents, options.secrets, () => hub.offers());
  const jobStore = createJobStore(transactor, records, epochs);
  const planner = options.planner ?? createPlanner();
  const limits: Omit<ProgressLimits, "keepGoing"> = {
    maxFailures: 3,
    maxLosses: 5,
    window: 512,
    backoffMs: timing.backoffMs,
  };
  const engine = createJobEngine(
    {
      holder: options.holder,
      soleOwner: options.soleOwner,
      leaseMs: timing.jobLeaseMs,
      unreachableMs: timing.unreachableMs,
      limits,
    },
    {
      jobs: jobStore,
      progress: createJobProgressStore(transactor, timing.jobLeaseMs),
      hub,
      signals,
      log,
      now,
      plan: (request) => planner.plan(request),
      flushLogs: () => logWriter.flush(),
      openSecrets: (key) => openClusterSecrets(db, options.secrets, key.shard, key.cluster),
      openProvider: (provider) => openProvider(options.secrets, provider),
    },
  );
  const tokens = createTokens(database, records, epochs);
  const quotas = createQuotas({ db, log: records, epochs, datacenter: installation.datacenter, signals });
  const leaseClock = options.now ?? now;
  const leases = createLeaseKeeper(
    { passMs: timing.leasePassMs, firstMs: Math.min(FIRST_LEASE_PASS_MS, timing.leasePassMs) },
    { db, log: records, epochs, signals, logger: log, now: leaseClock },
  );
  const logs = createLogKeeper(
    LOG_PASS,
    options.logs ?? DEFAULT_RETENTION,
    createLogRetentionStore(transactor, [...epochs.keys()]),
    log,
    leaseClock,
  );

  const watcher = createWatcher(
    { passMs: timing.reconcileMs, firstMs: Math.min(FIRST_LOOK_MS, timing.reconcileMs), confirmMs: timing.confirmMs },
    {
      store: createObservationStore(transactor, db, now),
      strays: createStrayWatch(
        // What one look adds to a grace: a little more than looks are apart.
        { graceMs: timing.strayGraceMs, mostMs: 2 * timing.reconcileMs },
        {
          store: createStrayStore(transactor, db, [...epochs.keys()]),
          epochs,
          log,
          now,
          monotonic: () => performance.now(),
          remove: async (stray, epoch, details) => {
            const provider = openProvider(options.secrets, details.spec.provider);
            return removeStray(hub, stray, epoch, { ...details, spec: { ...details.spec, provider } });
          },
          told: () => signals.notify(LOG_TOPIC),
        },
      ),
      epochs,
      signals,
      log,
      monotonic: () => performance.now(),
      inventory: async (question) =>
        hub.inventory({ ...question, fields: openFields(options.secrets, question.fields) }),
      isServed: (served) => hub.isServed(served),
    },
  );

  const application: Application = {
    clusters: createClusterOperations({
      db,
      log: records,
      jobs: jobStore,
      epochs,
      space,
      signals,
      snapshots,
      secrets: options.secrets,
      solve: (problem) => planner.solve(problem),
      spread: (request) => planner.spread(request),
      plan: (request) => planner.plan(request),
      offers: () => hub.offers(),
      observe: (cluster) => watcher.observeCluster(cluster),
      quotas,
      now: leaseClock,
      changeLease: createLeaseChanger({ db, log: records, epochs, space, signals, now: leaseClock }),
    }),
    jobs: createJobOperations({ db, log: records, epochs, space, signals }),
    catalog: createCatalogOperations({
      store: documents,
      snapshots,
      log: records,
      epochs,
      signals,
      secrets: options.secrets,
      offers: () => hub.offers(),
    }),
    events: createEventOperations(db, space, signals),
    strays: createStrayOperations(db, timing.strayGraceMs, now),
    exec: createSessionOperations({
      db,
      log: records,
      epochs,
      space,
      signals,
      openProvider: (provider) => openProvider(options.secrets, provider),
    }),
    system: {
      get: () =>
        Promise.resolve({
          version: options.version,
          mode: "standalone",
          datacenter: installation.datacenter,
          idsStart: space.start,
          idsIncrement: space.increment,
          shardsPerDatacenter: space.shards,
        }),
      getQuota: (caller) => quotas.getQuota(caller),
      setQuota: (caller, limits, mutation) => quotas.setQuota(caller, limits, mutation),
      identify: (token) => tokens.identify(token),
    },
    provisioners: createProvisionerOperations({
      db,
      log: records,
      epochs,
      signals,
      secrets: options.secrets,
      enrolment: options.enrolment,
      connected: () => hub.connected(),
      now: leaseClock,
    }),
  };
  await engine.start();
  leases.start();
  logs.start();
  watcher.start();
  signals.notify(JOBS_TOPIC);
  return {
    application,
    hub,
    engine,
    tokens,
    installation,
    leases,
    logs,
    watcher,
    async stop() {
      await watcher.stop();
      await logs.stop();
      await leases.stop();
      await engine.stop();
      await logWriter.flush();
      if (options.planner === undefined) await planner.stop();
    },
  };
}
