/** Resources that the tests of the command line show. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ClusterSchema,
  Cluster_State,
  NodeSchema,
  Node_Observation,
  Node_State,
  type Cluster,
  type Node,
} from "../../gen/web/loom/v1/cluster_pb.js";
import { CostSchema } from "../../gen/web/loom/v1/cost_pb.js";
import { EventSchema, Event_Severity, type Event } from "../../gen/web/loom/v1/event_pb.js";
import {
  JobSchema,
  Job_Kind,
  Job_State,
  PlanSchema,
  PlannedNode_Change,
  TaskSchema,
  Task_State,
  type Job,
  type Plan,
  type Task,
} from "../../gen/web/loom/v1/job_pb.js";
import { NOW } from "./fake-terminal.js";

const ago = (seconds: number): ReturnType<typeof timestampFromMs> => timestampFromMs(NOW - seconds * 1000);

export function job(values: MessageInitShape<typeof JobSchema> = {}): Job {
  return create(JobSchema, {
    name: "clusters/hello-1/jobs/1",
    kind: Job_Kind.CREATE,
    state: Job_State.RUNNING,
    taskCount: 29,
    doneCount: 12,
    runningCount: 2,
    actor: "ada",
    createTime: ago(72),
    runner: 1,
    etag: "e1",
    ...values,
  });
}

export const doneJob = (): Job => job({ state: Job_State.COMPLETE, doneCount: 29, runningCount: 0, endTime: ago(10) });

export function cluster(values: MessageInitShape<typeof ClusterSchema> = {}): Cluster {
  return create(ClusterSchema, {
    name: "clusters/hello-1",
    uid: "u-1",
    displayName: "hello",
    state: Cluster_State.PENDING,
    template: "web-farm",
    templateVersion: 3,
    provider: "local",
    nodeCount: 4,
    services: ["lb", "web"],
    owner: "ada",
    tenant: "default",
    createTime: ago(72),
    job: job(),
    etag: "c1",
    config: { web: { port: 8080, password: "***" } },
    links: [{ label: "farm", url: "http://127.0.0.2:8080/" }],
    layout: [
      { count: 1, hardwareType: "large", imageType: "this-machine", services: ["lb"] },
      { count: 3, hardwareType: "small", imageType: "this-machine", services: ["web"] },
    ],
    expireTime: ago(-7.5 * 3600),
    cost: create(CostSchema, {
      amounts: [{ currency: "EUR", perHour: "0.36", perMonth: "259.20" }],
      unknownNodes: 1,
      unknownHardwareTypes: ["large"],
    }),
    ...values,
  });
}

export const activeCluster = (): Cluster => cluster({ state: Cluster_State.ACTIVE, job: doneJob() });

export function node(number: number, values: MessageInitShape<typeof NodeSchema> = {}): Node {
  return create(NodeSchema, {
    name: `clusters/hello-1/nodes/${number}`,
    number,
    incarnation: 1,
    state: Node_State.UP,
    observed: Node_Observation.UP,
    hostname: `hello-${number}.local`,
    addresses: { internal: `127.0.0.${number - 998}`, external: `127.0.0.${number - 998}` },
    hardwareType: "small",
    imageType: "this-machine",
    services: ["web"],
    machine: `m-${number}`,
    ...values,
  });
}

export const nodes = (): Node[] => [
  node(1000, { services: ["lb"], hardwareType: "large" }),
  node(1001),
  node(1002, { state: Node_State.CREATING, observed: Node_Observation.UNSPECIFIED, addresses: {} }),
  node(1003, { state: Node_State.FAILED, observed: Node_Observation.DOWN, message: "the script ended with 7" }),
];

export function task(number: number, values: MessageInitShape<typeof TaskSchema> = {}): Task {
  return create(TaskSchema, {
    name: `clusters/hello-1/jobs/1/tasks/${number}`,
    node: 1001,
    service: "web",
    action: "INSTALL",
    state: Task_State.RUNNING,
    attempt: 1,
    stage: 3,
    startTime: ago(12),
    ...values,
  });
}

export const tasks = (): Task[] => [
  task(0, {
    node: 1000,
    service: "",
    action: "CREATE",
    state: Task_State.COMPLETE,
    stage: 0,
    startTime: ago(70),
    endTime: ago(69),
  }),
  task(12),
  task(13, {
    node: 1002,
    state: Task_State.RETRYING,
    attempt: 2,
    endTime: ago(2),
    message: "the mirror did not answer",
  }),
  task(14, { node: 1003, state: Task_State.FAILED, attempt: 3, endTime: ago(1), message: "the script ended with 7" }),
  task(20, {
    node: 1000,
    service: "lb",
    action: "START",
    state: Task_State.WAITING,
    attempt: 0,
    stage: 6,
    startTime: undefined as never,
  }),
];

export const events = (): Event[] => [
  create(EventSchema, {
    name: "events/2",
    time: ago(10),
    severity: Event_Severity.ERROR,
    reason: "JOB_FAILED",
    message: "create of hello-1 failed",
    cluster: "clusters/hello-1",
    job: "clusters/hello-1/jobs/1",
  }),
  create(EventSchema, {
    name: "events/1",
    time: ago(72),
    severity: Event_Severity.INFO,
    reason: "JOB_ACCEPTED",
    message: "ada asked for hello-1",
    cluster: "clusters/hello-1",
    job: "clusters/hello-1/jobs/1",
    actor: "ada",
  }),
];

export const plan = (): Plan =>
  create(PlanSchema, {
    nodes: [
      {
        change: PlannedNode_Change.CREATE,
        number: 1004,
        hostname: "hello-1004.local",
        hardwareType: "small",
        imageType: "this-machine",
        services: ["web"],
      },
      {
        change: PlannedNode_Change.CREATE,
        number: 1005,
        hostname: "hello-1005.local",
        hardwareType: "small",
        imageType: "this-machine",
        services: ["web"],
      },
      {
        change: PlannedNode_Change.UPDATE,
        number: 1000,
        hostname: "hello-1000.local",
        hardwareType: "large",
        imageType: "this-machine",
        services: ["lb"],
      },
      {
        change: PlannedNode_Change.DELETE,
        number: 1003,
        hostname: "hello-1003.local",
        hardwareType: "small",
        imageType: "this-machine",
        services: [],
      },
    ],
    stages: [
      { actions: [{ action: "CREATE", count: 2 }] },
      {
        actions: [
          { action: "INSTALL", service: "web", count: 2 },
          { action: "CONFIGURE", service: "lb", count: 1 },
        ],
      },
    ],
    taskCount: 5,
    addedServices: ["base"],
    costAdded: { amounts: [{ currency: "EUR", perHour: "0.24", perMonth: "172.80" }] },
    costRemoved: { unknownNodes: 1, unknownHardwareTypes: ["small"] },
  });
