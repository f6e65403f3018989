/**
 * An application that lives in memory and answers everything with the same few views: enough to hold the wire layers
 * to their own contract. Any operation can be replaced; every call is noted.
 */
import type { Application, Caller } from "../../services/server/application.js";
import type {
  AttemptView,
  ClusterView,
  DocumentView,
  EventView,
  JobView,
  LogView,
  NodeView,
  PlanView,
  ProvisionerView,
  QuotaView,
  StrayView,
  TaskView,
} from "../../services/server/views.js";

const NOON = new Date("2026-03-01T12:00:00.123Z");

export const PLAN: PlanView = {
  nodes: [
    {
      change: "CREATE",
      number: 1000,
      hostname: "demo-1000.local",
      hardwareType: "small",
      imageType: "debian",
      services: ["web"],
    },
  ],
  stages: [[{ action: "CREATE", service: "", count: 1 }]],
  taskCount: 1,
  addedServices: ["base"],
  configChanges: [{ path: "web.port", before: "80", after: "81" }],
};

export const JOB: JobView = {
  cluster: "demo-1s",
  number: 7,
  kind: "CREATE",
  state: "RUNNING",
  message: "installing",
  reason: "",
  taskCount: 29,
  doneCount: 3,
  runningCount: 2,
  retryingCount: 1,
  failedCount: 0,
  actor: "ada",
  createTime: NOON,
  endTime: undefined,
  runner: 1,
  etag: '"1-7"',
  plan: undefined,
};

export const CLUSTER: ClusterView = {
  name: "demo-1s",
  uid: "9b2d6f0e-7a51-4f0e-9c57-2f1f6a1f9f10",
  displayName: "demo",
  description: "",
  state: "PENDING",
  template: "web-farm",
  templateVersion: 3,
  provider: "local",
  nodeCount: 4,
  services: ["lb", "web"],
  config: { web: { port: 80, ratio: 0.5, tags: ["a", null, true, { deep: [] }], none: null, empty: {} } },
  owner: "ada",
  tenant: "default",
  createTime: NOON,
  job: JOB,
  links: [{ label: "farm", url: "http://127.0.0.1:8080" }],
  etag: '"1-9"',
  layout: [{ count: 1, hardwareType: "small", imageType: "debian", services: ["lb"] }],
  expireTime: NOON,
  cost: {
    amounts: [{ currency: "EUR", perHour: "0.36", perMonth: "259.20" }],
    unknownNodes: 1,
    unknownHardwareTypes: ["large"],
  },
  observed: { down: 1, missing: 2, isUnknown: false, message: "" },
  plan: undefined,
};

export const NODE: NodeView = {
  cluster: "demo-1s",
  number: 1000,
  incarnation: 1,
  state: "UP",
  observed: "DOWN",
  observedSince: NOON,
  observedMessage: "Its machine is there but does not run.",
  hostname: "demo-1000.local",
  addresses: { internal: "127.0.1.1" },
  hardwareType: "small",
  imageType: "debian",
  services: ["lb", "log"],
  stoppedServices: ["log"],
  machine: "m1",
  message: "",
};

export const STRAY: StrayView = {
  token: "a".repeat(52),
  cluster: "demo-1s",
  node: 1000,
  incarnation: 1,
  provider: "local",
  machine: "m1",
  firstSeenTime: NOON,
  removeTime: NOON,
  message: "",
};

export const TASK: TaskView = {
  cluster: "demo-1s",
  job: 7,
  number: 0,
  node: 1000,
  service: "web",
  action: "INSTALL",
  state: "RETRYING",
  attempt: 2,
  stage: 3,
  message: "exit 1",
  startTime: NOON,
  endTime: undefined,
};

export const ATTEMPT: AttemptView = {
  number: 1,
  state: "LOST",
  worker: "w1",
  reason: "WORKER_LOST",
  message: "gone",
  startTime: NOON,
  endTime: NOON,
  exitCode: 0,
};

export const EVENT: EventView = {
  id: "1-9",
  time: NOON,
  severity: "WARNING",
  reason: "JOB_FAILED",
  message: "it failed",
  cluster: "demo-1s",
  job: 7,
  actor: "",
};

export const LOG: LogView = {
  cluster: "demo-1s",
  job: 7,
  task: 0,
  attempt: 1,
  node: 1000,
  service: "web",
  action: "INSTALL",
  stream: "stderr",
  text: "no\n",
};

export const DOCUMENT: DocumentView = {
  kind: "ClusterTemplate",
  id: "web-farm",
  version: 3,
  shipped: true,
  deleted: false,
  problems: [],
  createTime: NOON,
  etag: '"-1-4"',
  body: {
    description: "A farm",
    constraints: {
      layout: { mustCoexist: [["a", "b"]], cantCoexist: [["lb", "web"], []] },
      services: { web: { min: 0 }, lb: { min: 1, max: 1 } },
      size: { min: 2 },
    },
    defaults: { config: { web: { zero: 0, no: false, text: "", list: [0, "", null] } } },
  },
};

export const QUOTA: QuotaView = {
  tenant: "default",
  datacenter: "dc1",
  maxClusters: undefined,
  maxNodes: 0,
  usedClusters: 2,
  usedNodes: 7,
  etag: "1-4",
};

/** Who the tokens of {@link memoryApplication} belong to. */
export const TOKENS: Readonly<Record<string, Omit<Caller, "sourceAddress">>> = {
  "viewer-token": { tenant: "default", user: "vera", role: "viewer", credential: "t1" },
  "operator-token": { tenant: "default", user: "otto", role: "operator", credential: "t2" },
  "admin-token": { tenant: "default", user: "ada ü", role: "admin", credential: "t3" },
};

const page = <T>(...items: T[]) => ({ items, nextPageToken: "" });

async function* once<T>(element: T): AsyncGenerator<T> {
  yield element;
}

export interface Noted {
  readonly operation: string;
  readonly args: readonly unknown[];
}

export const PROVISIONER: ProvisionerView = {
  id: "abc23",
  label: "rack-2",
  state: "JOINED",
  connected: true,
  host: "rack-2.example",
  datacenter: "dc1",
  slots: 32,
  providerTypes: ["docker", "local"],
  creator: "ada",
  createTime: NOON,
  tokenExpireTime: NOON,
  joinTime: NOON,
  certificateExpireTime: NOON,
  revokeTime: undefined,
  etag: "1-5",
};

const ADMISSION = { id: "abc23", label: "rack-2", certificate: "C", authority: "A", expireTime: NOON };

/** Operations to replace, by part. */
export type Replacements = { readonly [Part in keyof Application]?: Partial<Application[Part]> };

export function memoryApplication(replacements: Replacements = {}): {
  readonly application: Application;
  readonly calls: Noted[];
} {
  const calls: Noted[] = [];
  const job = async () => JOB;
  const plain: Application = {
    clusters: {
      create: async (_, { validateOnly }) => (validateOnly ? { ...CLUSTER, plan: PLAN } : CLUSTER),
      get: async () => CLUSTER,
      list: async () => page(CLUSTER),
      watch: () => once({ value: CLUSTER, resumeToken: "r1" }),
      delete: job,
      changeLease: async () => CLUSTER,
      addNodes: job,
      removeNodes: job,
      replaceNode: job,
      repair: job,
      configure: job,
      actOn: job,
      addServices: job,
      removeServices: job,
      listNodes: async () => page(NODE),
      getNode: async () => NODE,
    },
    jobs: {
      get: job,
      list: async () => page(JOB),
      watch: () => once({ value: { job: JOB, tasks: [TASK] }, resumeToken: "r1" }),
      pause: job,
      resume: job,
      cancel: job,
      retry: job,
      retryTask: job,
      skipTask: job,
      listTasks: async () => page(TASK),
      listAttempts: async () => [ATTEMPT],
      readLogs: () => once(LOG),
    },
    catalog: {
      list: async () => page(DOCUMENT),
      get: async () => DOCUMENT,
      versions: async () => page(DOCUMENT),
      apply: async () => ({
        changes: [
          {
            kind: "UPDATED",
            document: { kind: "Service", id: "web" },
            version: 2,
            fields: [{ path: "config.port", before: "80", after: "81" }],
          },
        ],
        problems: [],
      }),
      delete: async () => DOCUMENT,
      pluginTypes: async () => [
        { kind: "PROVIDER", type: "local", description: "", fields: [], available: true, unavailableReason: "" },
      ],
    },
    strays: { list: async () => page(STRAY) },
    events: { list: async () => page(EVENT), watch: () => once({ value: [EVENT], resumeToken: "r1" }) },
    system: {
      get: async () => ({
        version: "0.1.0",
        mode: "standalone",
        datacenter: "dc1",
        idsStart: 1,
        idsIncrement: 64,
        shardsPerDatacenter: 8,
      }),
      getQuota: async () => QUOTA,
      setQuota: async () => QUOTA,
      identify: async (token) => TOKENS[token],
    },
    exec: {
      async *exec() {
        yield { kind: "end", exitCode: 0 };
      },
      offer: () => () => undefined,
    },
    provisioners: {
      list: async () => page(PROVISIONER),
      invite: async () => ({
        provisioner: PROVISIONER,
        token: "loomjoin_x",
        fingerprint: `sha256:${"0a".repeat(32)}`,
        addresses: ["192.0.2.1:7421"],
      }),
      revoke: async () => PROVISIONER,
      join: async () => ADMISSION,
      renew: async () => ADMISSION,
      admit: async () => ({ label: PROVISIONER.label }),
      revoked: async () => new Set(),
      onChange: () => () => undefined,
    },
  };
  const noting = <Part extends object>(name: string, part: Part, replaced: Partial<Part> | undefined): Part =>
    new Proxy(
      { ...part, ...replaced },
      {
        get(target, operation: string) {
          const real = target[operation as keyof Part] as (...args: unknown[]) => unknown;
          return (...args: unknown[]) => {
            calls.push({ operation: `${name}.${operation}`, args });
            return real(...args);
          };
        },
      },
    );
  const application: Application = {
    clusters: noting("clusters", plain.clusters, replacements.clusters),
    jobs: noting("jobs", plain.jobs, replacements.jobs),
    catalog: noting("catalog", plain.catalog, replacements.catalog),
    strays: noting("strays", plain.strays, replacements.strays),
    events: noting("events", plain.events, replacements.events),
    system: noting("system", plain.system, replacements.system),
    exec: noting("exec", plain.exec, replacements.exec),
    provisioners: noting("provisioners", plain.provisioners, replacements.provisioners),
  };
  return { application, calls };
}
