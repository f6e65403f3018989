/** String unions of the domain and enums of the wire, paired so that the compiler finds what is missing on either side. */
import {
  DocumentChange_Kind,
  DocumentKind as WireDocumentKind,
  PluginType_Kind,
  Problem_Severity,
} from "../../../../gen/services/loom/v1/catalog.js";
import { Cluster_State, Node_Observation, Node_State } from "../../../../gen/services/loom/v1/cluster.js";
import { Event_Severity } from "../../../../gen/services/loom/v1/event.js";
import {
  Attempt_State,
  Job_Kind,
  Job_State,
  PlannedNode_Change,
  ReadLogsResponse_Stream,
  Task_State,
} from "../../../../gen/services/loom/v1/job.js";
import type { DocumentKind, Problem } from "../../catalog/types.js";
import type { ClusterState, NodeObservation, NodeState } from "../../clusters/states.js";
import type { JobState, TaskState } from "../../jobs/states.js";
import type { OperationKind } from "../../plan/types.js";
import type { AttemptView, DocumentChangeView, EventView, LogView, PlanView, PluginTypeView } from "../../views.js";

/** A pair of a string union and an enum. */
export interface EnumPair<Domain extends string, Wire extends number> {
  toWire(value: Domain): Wire;
  /** Undefined for the enum's zero and for values that this version does not know. */
  fromWire(value: Wire): Domain | undefined;
}

/**
 * Pairs a union with an enum: every word of the union is a key, and every value of the enum that is not `Unsaid` must
 * be among the values, or the argument does not compile.
 */
function pair<Domain extends string, Wire extends number, Unsaid extends Wire>() {
  return <const Table extends Readonly<Record<Domain, Wire>>>(
    table: Table &
      ([Exclude<Wire, Unsaid | Table[Domain]>] extends [never]
        ? unknown
        : { readonly missing: Exclude<Wire, Unsaid | Table[Domain]> }),
  ): EnumPair<Domain, Wire> => {
    const words = new Map(
      Object.entries(table as Readonly<Record<string, Wire>>).map(([word, value]) => [value, word as Domain]),
    );
    return { toWire: (value) => table[value], fromWire: (value) => words.get(value) };
  };
}

export const documentKinds = pair<
  DocumentKind,
  WireDocumentKind,
  WireDocumentKind.DOCUMENT_KIND_UNSPECIFIED | WireDocumentKind.UNRECOGNIZED
>()({
  Provider: WireDocumentKind.DOCUMENT_KIND_PROVIDER,
  HardwareType: WireDocumentKind.DOCUMENT_KIND_HARDWARE_TYPE,
  ImageType: WireDocumentKind.DOCUMENT_KIND_IMAGE_TYPE,
  Service: WireDocumentKind.DOCUMENT_KIND_SERVICE,
  ClusterTemplate: WireDocumentKind.DOCUMENT_KIND_CLUSTER_TEMPLATE,
  PartialTemplate: WireDocumentKind.DOCUMENT_KIND_PARTIAL_TEMPLATE,
});

export const problemSeverities = pair<
  Problem["severity"],
  Problem_Severity,
  Problem_Severity.SEVERITY_UNSPECIFIED | Problem_Severity.UNRECOGNIZED
>()({
  error: Problem_Severity.SEVERITY_ERROR,
  warning: Problem_Severity.SEVERITY_WARNING,
});

export const changeKinds = pair<
  DocumentChangeView["kind"],
  DocumentChange_Kind,
  DocumentChange_Kind.KIND_UNSPECIFIED | DocumentChange_Kind.UNRECOGNIZED
>()({
  CREATED: DocumentChange_Kind.KIND_CREATED,
  UPDATED: DocumentChange_Kind.KIND_UPDATED,
  UNCHANGED: DocumentChange_Kind.KIND_UNCHANGED,
  KEPT: DocumentChange_Kind.KIND_KEPT,
});

export const pluginKinds = pair<
  PluginTypeView["kind"],
  PluginType_Kind,
  PluginType_Kind.KIND_UNSPECIFIED | PluginType_Kind.UNRECOGNIZED
>()({
  PROVIDER: PluginType_Kind.KIND_PROVIDER,
  AUTOMATOR: PluginType_Kind.KIND_AUTOMATOR,
});

export const clusterStates = pair<
  ClusterState,
  Cluster_State,
  Cluster_State.STATE_UNSPECIFIED | Cluster_State.UNRECOGNIZED
>()({
  PENDING: Cluster_State.STATE_PENDING,
  ACTIVE: Cluster_State.STATE_ACTIVE,
  INCOMPLETE: Cluster_State.STATE_INCOMPLETE,
  INCONSISTENT: Cluster_State.STATE_INCONSISTENT,
  TERMINATED: Cluster_State.STATE_TERMINATED,
});

export const nodeStates = pair<NodeState, Node_State, Node_State.STATE_UNSPECIFIED | Node_State.UNRECOGNIZED>()({
  PLANNED: Node_State.STATE_PLANNED,
  CREATING: Node_State.STATE_CREATING,
  UP: Node_State.STATE_UP,
  FAILED: Node_State.STATE_FAILED,
  DELETING: Node_State.STATE_DELETING,
  DELETED: Node_State.STATE_DELETED,
});

export const nodeObservations = pair<NodeObservation, Node_Observation, Node_Observation.UNRECOGNIZED>()({
  UNKNOWN: Node_Observation.OBSERVATION_UNSPECIFIED,
  UP: Node_Observation.OBSERVATION_UP,
  DOWN: Node_Observation.OBSERVATION_DOWN,
  MISSING: Node_Observation.OBSERVATION_MISSING,
});

export const jobKinds = pair<OperationKind, Job_Kind, Job_Kind.KIND_UNSPECIFIED | Job_Kind.UNRECOGNIZED>()({
  CREATE: Job_Kind.KIND_CREATE,
  DELETE: Job_Kind.KIND_DELETE,
  ADD_NODES: Job_Kind.KIND_ADD_NODES,
  REMOVE_NODES: Job_Kind.KIND_REMOVE_NODES,
  REPLACE_NODE: Job_Kind.KIND_REPLACE_NODE,
  REPAIR: Job_Kind.KIND_REPAIR,
  CONFIGURE: Job_Kind.KIND_CONFIGURE,
  START_SERVICES: Job_Kind.KIND_START_SERVICES,
  STOP_SERVICES: Job_Kind.KIND_STOP_SERVICES,
  RESTART_SERVICES: Job_Kind.KIND_RESTART_SERVICES,
  ADD_SERVICES: Job_Kind.KIND_ADD_SERVICES,
  REMOVE_SERVICES: Job_Kind.KIND_REMOVE_SERVICES,
});

export const jobStates = pair<JobState, Job_State, Job_State.STATE_UNSPECIFIED | Job_State.UNRECOGNIZED>()({
  QUEUED: Job_State.STATE_QUEUED,
  RUNNING: Job_State.STATE_RUNNING,
  PAUSED: Job_State.STATE_PAUSED,
  WAITING: Job_State.STATE_WAITING,
  CANCELLING: Job_State.STATE_CANCELLING,
  COMPLETE: Job_State.STATE_COMPLETE,
  FAILED: Job_State.STATE_FAILED,
  CANCELLED: Job_State.STATE_CANCELLED,
});

export const taskStates = pair<TaskState, Task_State, Task_State.STATE_UNSPECIFIED | Task_State.UNRECOGNIZED>()({
  WAITING: Task_State.STATE_WAITING,
  READY: Task_State.STATE_READY,
  RUNNING: Task_State.STATE_RUNNING,
  RETRYING: Task_State.STATE_RETRYING,
  COMPLETE: Task_State.STATE_COMPLETE,
  FAILED: Task_State.STATE_FAILED,
  SKIPPED: Task_State.STATE_SKIPPED,
  CANCELLED: Task_State.STATE_CANCELLED,
});

export const attemptStates = pair<
  AttemptView["state"],
  Attempt_State,
  Attempt_State.STATE_UNSPECIFIED | Attempt_State.UNRECOGNIZED
>()({
  RUNNING: Attempt_State.STATE_RUNNING,
  COMPLETE: Attempt_State.STATE_COMPLETE,
  FAILED: Attempt_State.STATE_FAILED,
  LOST: Attempt_State.STATE_LOST,
  CANCELLED: Attempt_State.STATE_CANCELLED,
});

export const plannedChanges = pair<
  PlanView["nodes"][number]["change"],
  PlannedNode_Change,
  PlannedNode_Change.CHANGE_UNSPECIFIED | PlannedNode_Change.UNRECOGNIZED
>()({
  CREATE: PlannedNode_Change.CHANGE_CREATE,
  UPDATE: PlannedNode_Change.CHANGE_UPDATE,
  DELETE: PlannedNode_Change.CHANGE_DELETE,
  REPLACE: PlannedNode_Change.CHANGE_REPLACE,
});

export const logStreams = pair<
  LogView["stream"],
  ReadLogsResponse_Stream,
  ReadLogsResponse_Stream.STREAM_UNSPECIFIED | ReadLogsResponse_Stream.UNRECOGNIZED
>()({
  stdout: ReadLogsResponse_Stream.STREAM_STDOUT,
  stderr: ReadLogsResponse_Stream.STREAM_STDERR,
});

export const eventSeverities = pair<
  EventView["severity"],
  Event_Severity,
  Event_Severity.SEVERITY_UNSPECIFIED | Event_Severity.UNRECOGNIZED
>()({
  INFO: Event_Severity.SEVERITY_INFO,
  WARNING: Event_Severity.SEVERITY_WARNING,
  ERROR: Event_Severity.SEVERITY_ERROR,
});
