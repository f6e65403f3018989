/**
 * A whole server in this process, over a real database and with a provisioner of simulated machines, that can die at
 * any statement and start again on what it left behind: the database and the journal of the simulated provider.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_ID_SPACE, machineToken } from "../../services/common/ids.js";
import { silentLogger, type Logger } from "../../services/common/log.js";
import { createShellAutomator } from "../../services/provisioner/automators/shell/shell.js";
import {
  judge,
  readJournal,
  type JournalLine,
  type Judgement,
} from "../../services/provisioner/providers/simulated/journal.js";
import { createSimulatedProvider } from "../../services/provisioner/providers/simulated/provider.js";
import type { FaultRule } from "../../services/provisioner/providers/simulated/rules.js";
import { createProvisioner, type Provisioner } from "../../services/provisioner/worker/provisioner.js";
import type { Application, Caller, Mutation } from "../../services/server/application.js";
import { createPlanner, type Planner } from "../../services/server/plan/thread.js";
import { createRpcServer, type RpcServer } from "../../services/server/rpc/server.js";
import { startServer, type Server, type ServerOptions } from "../../services/server/server.js";
import type { Database } from "../../services/server/store/database.js";
import { createSecretBox, type SecretBox } from "../../services/server/store/secrets.js";
import type { JobView } from "../../services/server/views.js";
import { isEnded } from "../../services/server/jobs/states.js";
import { useDatabase } from "./database.js";
import { CHAOS_CATALOG } from "./loom-catalog.js";
import { until } from "./wait.js";

/** Who asks in tests. */
export const CALLER: Caller = {
  tenant: "default",
  user: "tester",
  role: "admin",
  credential: "test",
  sourceAddress: "127.0.0.1",
};

/** A mutation with a request id of its own, or with this one. */
export const mutation = (requestId: string = randomUUID()): Mutation => ({ requestId, validateOnly: false, etag: "" });

/** What a test wants to see, or to break, of what an instance says to the database. May throw, and may wait. */
export interface StatementHooks {
  beforeStatement?(name: string, n: number): void | Promise<void>;
  afterCommit?(name: string): void | Promise<void>;
}

/** What a call to an instance that has died is answered with: nothing but this. */
export class Died extends Error {
  constructor() {
    super("this Loom has died");
  }
}

/** One life of a Loom. */
export interface Instance {
  readonly application: Application;
  readonly server: Server;
  /** The address its server listens at, for provisioners of the test's own. */
  readonly address: string;
  /** Set by tests; looked at for every statement. */
  hooks: StatementHooks;
  readonly isDead: boolean;
  /** Starts a provisioner, connected by another address where one is given; an instance has one unless told otherwise. */
  provision(name?: string, by?: string): Provisioner;
  /** All its provisioners end with whatever they were doing, and another one comes. */
  replaceProvisioners(): Promise<void>;
  /** Dies: from this instant no statement of it reaches the database and nobody hears of it. Fulfilled when nothing of it is left. */
  crash(): Promise<void>;
  /** Stops as with Ctrl-C. */
  stop(): Promise<void>;
}

export interface InstanceOptions {
  /** False: no provisioner. */
  readonly provisioner?: boolean;
  readonly timing?: ServerOptions["timing"];
  readonly hooks?: StatementHooks;
  readonly log?: Logger;
  readonly slots?: number;
  /** The clock that leases go by. */
  readonly now?: () => number;
}

export interface TestLoom {
  readonly database: Database;
  readonly folder: string;
  /** The present life. */
  readonly instance: Instance;
  readonly application: Application;
  readonly server: Server;
  /** Another life beside the present one, which is what a frozen process and its successor look like. */
  spawn(options?: InstanceOptions): Promise<Instance>;
  crash(): Promise<void>;
  restart(options?: InstanceOptions): Promise<void>;
  /** The fault rules from here on; each is counted from now. */
  faults(...rules: readonly FaultRule[]): void;
  /** Lines of the journal, of one cluster by its UUID where it is given. */
  journal(cluster?: string): JournalLine[];
  judge(cluster?: string): Judgement;
  /** What happens to a machine without Loom: somebody stops it, or it is gone. `cluster` is a name. */
  befall(what: "stop" | "delete", cluster: string, node: number): Promise<void>;
  /** Waits for a job to end, sweeping leases meanwhile; `meanwhile` is called again and again. */
  ended(cluster: string, job: number, meanwhile?: () => void | Promise<void>): Promise<JobView>;
}

/** Short, so that lost leases and tries cost tests little. Milliseconds. */
export const FAST: NonNullable<ServerOptions["timing"]> = {
  taskLeaseMs: 600,
  heartbeatMs: 100,
  jobLeaseMs: 10_000,
  backoffMs: () => 5,
  // Tests count statements and calls of providers; those about watching turn it on.
  reconcileMs: 0,
  confirmMs: 20,
};

/** What every life of a Loom finds. */
interface Ground {
  /** Without a memory, so it may outlive the server; a thread takes longer to start than all the rest. */
  readonly planner: Planner;
  readonly database: Database;
  readonly folder: string;
  readonly secrets: SecretBox;
}

async function startInstance(ground: Ground, options: InstanceOptions): Promise<Instance> {
  const log = options.log ?? silentLogger;
  let dead = false;
  let hooks: StatementHooks = options.hooks ?? {};
  const alive = (): void => {
    if (dead) throw new Died();
  };
  const server = await startServer({
    database: ground.database,
    datacenter: "local",
    space: DEFAULT_ID_SPACE,
    secrets: ground.secrets,
    version: "test",
    log,
    planner: ground.planner,
    holder: randomUUID(),
    soleOwner: true,
    timing: { ...FAST, ...options.timing },
    ...(options.now === undefined ? {} : { now: options.now }),
    hooks: {
      async beforeStatement(name, n) {
        alive();
        await hooks.beforeStatement?.(name, n);
        alive();
      },
      async afterCommit(name) {
        alive();
        await hooks.afterCommit?.(name);
        alive();
      },
    },
  });
  const rpc: RpcServer = createRpcServer({
    application: server.application,
    hub: server.hub,
    log: log as never,
    version: "test",
  });
  const sockets = mkdtempSync(join(ground.folder, "s-"));
  const address = await rpc.listen(`unix:${join(sockets, "s")}`);
  const provisioners: Provisioner[] = [];
  const provision = (name = "test", by = address): Provisioner => {
    const provisioner = createProvisioner({
      name,
      datacenter: "local",
      address: by,
      providers: [createSimulatedProvider({ journal: join(ground.folder, "journal") })],
      automators: [createShellAutomator()],
      slots: options.slots ?? 16,
      streams: 2,
      log,
    });
    provisioner.start();
    provisioners.push(provisioner);
    return provisioner;
  };
  const stopProvisioners = async (): Promise<void> => {
    await Promise.all(provisioners.splice(0).map((provisioner) => provisioner.stop()));
  };
  let ending: Promise<void> | undefined;
  const end = async (graceMs: number): Promise<void> => {
    await stopProvisioners();
    await rpc.stop(graceMs);
    // What it wanted to store last is refused where it died.
    await server.stop().catch((thrown: unknown) => {
      if (!dead) throw thrown;
    });
    rmSync(sockets, { recursive: true, force: true });
  };
  if (options.provisioner !== false) {
    provision();
    await until("the provisioner is there", () => server.hub.offers().length > 0);
  }
  return {
    get hooks() {
      return hooks;
    },
    set hooks(next) {
      hooks = next;
    },
    application: server.application,
    server,
    address,
    provision,
    async replaceProvisioners() {
      await stopProvisioners();
      provision();
    },
    get isDead() {
      return dead;
    },
    crash() {
      dead = true;
      return (ending ??= end(0));
    },
    stop: () => (ending ??= end(1_000)),
  };
}

/**
 * A Loom for the suite around it, with a database, a journal and a small catalog of its own. Call it in a `describe`;
 * it is up from the suite's own `before` hooks on.
 */
export function useLoom(options: InstanceOptions = {}): TestLoom {
  const db = useDatabase();
  let ground: Ground | undefined;
  let instance: Instance | undefined;
  const instances = new Set<Instance>();
  const rulesFile = (): string => join(ground!.folder, "rules.json");

  async function spawn(more: InstanceOptions = {}): Promise<Instance> {
    const spawned = await startInstance(ground!, { ...options, ...more });
    instances.add(spawned);
    return spawned;
  }

  before(async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), "loom-chaos-"));
    mkdirSync(folder, { recursive: true });
    ground = {
      planner: createPlanner(),
      database: db.database,
      folder,
      secrets: await createSecretBox(join(folder, "secret.key")),
    };
    instance = await spawn();
    const provider = { journal: join(folder, "journal"), rules: rulesFile() };
    const files = [{ path: "chaos.yaml", text: CHAOS_CATALOG(provider) }];
    await instance.application.catalog.apply(CALLER, {
      files,
      shipped: false,
      requestId: randomUUID(),
      validateOnly: false,
    });
  });

  after(async function () {
    this.timeout(60_000);
    await Promise.all([...instances].map((each) => each.crash()));
    await ground?.planner.stop();
    if (ground !== undefined) rmSync(ground.folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const loom: TestLoom = {
    get database() {
      return db.database;
    },
    get folder() {
      return ground!.folder;
    },
    get instance() {
      if (instance === undefined) throw new Error("the Loom is up inside hooks and tests only");
      return instance;
    },
    get application() {
      return loom.instance.application;
    },
    get server() {
      return loom.instance.server;
    },
    spawn,
    async crash() {
      await loom.instance.crash();
      instances.delete(loom.instance);
    },
    async restart(more = {}) {
      await loom.crash();
      instance = await spawn(more);
    },
    faults(...rules) {
      const counted = rules.map((rule) => ({ ...rule, id: rule.id ?? randomUUID() }));
      const part = `${rulesFile()}.part`;
      writeFileSync(part, JSON.stringify(counted));
      renameSync(part, rulesFile());
    },
    journal(cluster) {
      const lines = readJournal(join(ground!.folder, "journal"));
      return cluster === undefined ? lines : lines.filter((line) => line.cluster === cluster);
    },
    judge: (cluster) => judge(loom.journal(cluster)),
    async befall(kind, name, node) {
      const { uid } = await loom.application.clusters.get(CALLER, name);
      const { incarnation } = await loom.application.clusters.getNode(CALLER, name, node);
      const token = machineToken(uid, node, incarnation);
      const line: JournalLine = { kind, at: Date.now(), pid: process.pid, token, cluster: uid, node };
      appendFileSync(join(ground!.folder, "journal"), `${JSON.stringify(line)}\n`);
    },
    async ended(cluster, job, meanwhile) {
      let view: JobView | undefined;
      await until(
        `job ${job} of ${cluster} has ended`,
        async () => {
          loom.server.hub.sweep();
          await meanwhile?.();
          view = await loom.application.jobs.get(CALLER, cluster, job);
          return isEnded(view.state);
        },
        30_000,
      ).catch((thrown: unknown) => {
        throw new Error(`${(thrown as Error).message}; it is ${JSON.stringify(view)}`);
      });
      return view!;
    },
  };
  return loom;
}
