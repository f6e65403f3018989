/**
 * What a server can be asked, without any transport: rpc/ calls it, the parts behind it implement it. Every call gets
 * the caller, whose right to make it has been checked against the authorization table already; which clusters the
 * caller may see is decided here: those of the caller's tenant.
 *
 * Errors are LoomErrors. Lists take a page size (0 means 100, capped at 1000) and a page token of an earlier answer.
 */
import type { DocumentKind, JsonObject, Problem } from "./catalog/types.js";
import type { ClusterState } from "./clusters/states.js";
import type { JobState, TaskState } from "./jobs/states.js";
import type { LeaseChange } from "./leases/rules.js";
import type { SessionInput, SessionOffer, SessionOutput, SessionRequest } from "./sessions/types.js";
import type {
  AttemptView,
  ClusterView,
  DocumentChangeView,
  DocumentView,
  EventView,
  JobView,
  LogView,
  NodeView,
  Page,
  PluginTypeView,
  ProvisionerView,
  QuotaView,
  StrayView,
  TaskView,
} from "./views.js";

export type Role = "viewer" | "operator" | "admin";

/** Who asks. */
export interface Caller {
  readonly tenant: string;
  readonly user: string;
  readonly role: Role;
  /** Id of the token used; goes to the audit trail. */
  readonly credential: string;
  /** Address the request came from; goes to the audit trail. */
  readonly sourceAddress: string;
}

/** What every mutation may carry. */
export interface Mutation {
  /** Empty: one is made, and the call cannot be repeated safely. */
  readonly requestId: string;
  readonly validateOnly: boolean;
  /** Empty: any state. */
  readonly etag: string;
}

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface CreateCluster extends Omit<Mutation, "etag"> {
  readonly displayName: string;
  readonly template: string;
  readonly nodeCount: number;
  readonly description: string;
  /** Empty strings and lists: the template's. */
  readonly provider: string;
  readonly services: readonly string[];
  readonly hardwareType: string;
  readonly imageType: string;
  readonly dnsSuffix: string;
  readonly config: JsonObject;
  readonly withDependencies: boolean;
  /** Milliseconds; 0 for ever; undefined for what the template says. */
  readonly lease?: number | undefined;
  /** Files of documents laid over the catalog for this cluster only; undefined for none. */
  readonly documents?: readonly { readonly path: string; readonly text: string }[] | undefined;
}

export interface ClusterOperations {
  create(caller: Caller, request: CreateCluster): Promise<ClusterView>;
  get(caller: Caller, cluster: string): Promise<ClusterView>;
  list(
    caller: Caller,
    request: PageRequest & {
      readonly states: readonly ClusterState[];
      readonly displayName: string;
      readonly template: string;
    },
  ): Promise<Page<ClusterView>>;
  /** Ends when the signal fires. `value` undefined is a heartbeat. */
  watch(
    caller: Caller,
    cluster: string,
    resumeToken: string,
    signal: AbortSignal,
  ): AsyncIterable<Change<ClusterView | undefined>>;
  delete(caller: Caller, cluster: string, mutation: Mutation): Promise<JobView>;
  changeLease(caller: Caller, cluster: string, change: LeaseChange, mutation: Mutation): Promise<ClusterView>;
  addNodes(caller: Caller, cluster: string, service: string, count: number, mutation: Mutation): Promise<JobView>;
  /** These nodes, or where none are named the newest `count` of the layout that carries the service. */
  removeNodes(
    caller: Caller,
    cluster: string,
    which: { readonly nodes: readonly number[]; readonly service: string; readonly count: number },
    mutation: Mutation,
  ): Promise<JobView>;
  replaceNode(caller: Caller, cluster: string, node: number, mutation: Mutation): Promise<JobView>;
  /** Starts machines that are down, and makes those again that are missing. */
  repair(caller: Caller, cluster: string, mutation: Mutation): Promise<JobView>;
  configure(
    caller: Caller,
    cluster: string,
    change: {
      /** Merged key by key over the present configuration; null takes a key away. */
      readonly config: JsonObject;
      /** Empty: those that see what changes, or all where nothing changes. */
      readonly services: readonly string[];
      readonly restart: boolean;
    },
    mutation: Mutation,
  ): Promise<JobView>;
  /** `services` empty: all. */
  actOn(
    caller: Caller,
    cluster: string,
    operation: "START_SERVICES" | "STOP_SERVICES" | "RESTART_SERVICES",
    services: readonly string[],
    mutation: Mutation,
  ): Promise<JobView>;
  addServices(
    caller: Caller,
    cluster: string,
    which: { readonly services: readonly string[]; readonly withDependencies: boolean },
    mutation: Mutation,
  ): Promise<JobView>;
  removeServices(caller: Caller, cluster: string, services: readonly string[], mutation: Mutation): Promise<JobView>;
  listNodes(
    caller: Caller,
    cluster: string,
    request: PageRequest & { readonly showDeleted: boolean },
  ): Promise<Page<NodeView>>;
  getNode(caller: Caller, cluster: string, number: number): Promise<NodeView>;
}

/** An element of a watch. */
export interface Change<T> {
  readonly value: T;
  readonly resumeToken: string;
}

export interface JobOperations {
  get(caller: Caller, cluster: string, job: number): Promise<JobView>;
  /** `cluster` "-" lists the jobs of all clusters. */
  list(
    caller: Caller,
    cluster: string,
    request: PageRequest & { readonly states: readonly JobState[] },
  ): Promise<Page<JobView>>;
  /** Ends when the job has ended or the signal fires. */
  watch(
    caller: Caller,
    cluster: string,
    job: number,
    resumeToken: string,
    signal: AbortSignal,
  ): AsyncIterable<Change<{ readonly job: JobView | undefined; readonly tasks: readonly TaskView[] }>>;
  pause(caller: Caller, cluster: string, job: number, mutation: Mutation): Promise<JobView>;
  resume(caller: Caller, cluster: string, job: number, mutation: Mutation): Promise<JobView>;
  cancel(caller: Caller, cluster: string, job: number, mutation: Mutation): Promise<JobView>;
  retry(caller: Caller, cluster: string, job: number, mutation: Mutation): Promise<JobView>;
  retryTask(caller: Caller, cluster: string, job: number, task: number, mutation: Mutation): Promise<JobView>;
  skipTask(
    caller: Caller,
    cluster: string,
    job: number,
    task: number,
    reason: string,
    mutation: Mutation,
  ): Promise<JobView>;
  /** `node` 0: all nodes. */
  listTasks(
    caller: Caller,
    cluster: string,
    job: number,
    request: PageRequest & { readonly states: readonly TaskState[]; readonly node: number },
  ): Promise<Page<TaskView>>;
  listAttempts(caller: Caller, cluster: string, job: number, task: number): Promise<readonly AttemptView[]>;
  /** `task` undefined: all tasks. `attempt`, `node` 0: all. An element undefined is a heartbeat. */
  readLogs(
    caller: Caller,
    cluster: string,
    job: number,
    filter: {
      readonly task: number | undefined;
      readonly attempt: number;
      readonly node: number;
      readonly follow: boolean;
    },
    signal: AbortSignal,
  ): AsyncIterable<LogView | undefined>;
}

export interface CatalogOperations {
  list(caller: Caller, request: PageRequest & { readonly kind: DocumentKind | undefined }): Promise<Page<DocumentView>>;
  /** `version` 0: the newest. */
  get(caller: Caller, kind: DocumentKind, id: string, version: number): Promise<DocumentView>;
  versions(caller: Caller, kind: DocumentKind, id: string, request: PageRequest): Promise<Page<DocumentView>>;
  apply(
    caller: Caller,
    request: {
      readonly files: readonly { readonly path: string; readonly text: string }[];
      readonly shipped: boolean;
    } & Omit<Mutation, "etag">,
  ): Promise<{ readonly changes: readonly DocumentChangeView[]; readonly problems: readonly Problem[] }>;
  delete(caller: Caller, kind: DocumentKind, id: string, mutation: Mutation): Promise<DocumentView>;
  pluginTypes(caller: Caller): Promise<readonly PluginTypeView[]>;
}

export interface EventOperations {
  /** `cluster` empty: all of the tenant. */
  list(caller: Caller, cluster: string, request: PageRequest): Promise<Page<EventView>>;
  /** Ends when the signal fires. An empty list is a heartbeat. */
  watch(
    caller: Caller,
    cluster: string,
    resumeToken: string,
    signal: AbortSignal,
  ): AsyncIterable<Change<readonly EventView[]>>;
}

export interface SystemOperations {
  get(caller: Caller): Promise<{
    readonly version: string;
    readonly mode: "standalone";
    readonly datacenter: string;
    readonly idsStart: number;
    readonly idsIncrement: number;
    readonly shardsPerDatacenter: number;
  }>;
  /** Of the caller's tenant. */
  getQuota(caller: Caller): Promise<QuotaView>;
  /** Undefined: no limit. What is used above a limit stays. */
  setQuota(
    caller: Caller,
    limits: { readonly maxClusters: number | undefined; readonly maxNodes: number | undefined },
    mutation: Mutation,
  ): Promise<QuotaView>;
  /** The caller a token belongs to, or undefined where no valid token is given. */
  identify(token: string): Promise<Omit<Caller, "sourceAddress"> | undefined>;
}

export interface ProvisionerOperations {
  /** Newest first. */
  list(caller: Caller, request: PageRequest & { readonly showRevoked: boolean }): Promise<Page<ProvisionerView>>;
  /** A token that lets one provisioner in, once. `ttlSeconds` 0: an hour. */
  invite(
    caller: Caller,
    request: { readonly label: string; readonly ttlSeconds: number } & Omit<Mutation, "etag">,
  ): Promise<{
    readonly provisioner: ProvisionerView;
    readonly token: string;
    readonly fingerprint: string;
    readonly addresses: readonly string[];
  }>;
  revoke(caller: Caller, id: string, mutation: Mutation): Promise<ProvisionerView>;
}

/** What lets a provisioner of another machine in. */
export interface Admission {
  readonly id: string;
  readonly label: string;
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly authority: string;
  readonly expireTime: Date;
}

/** What provisioners of other machines ask for themselves. */
export interface EnrolmentOperations {
  /** @throws JOIN_TOKEN_INVALID */
  join(request: {
    readonly token: string;
    /** PKCS #10 in PEM. */
    readonly request: string;
    readonly host: string;
    readonly datacenter: string;
  }): Promise<Admission>;
  /** @throws PROVISIONER_REVOKED */
  renew(id: string, request: string): Promise<Admission>;
  /** What is known of one that shows a certificate. @throws PROVISIONER_REVOKED */
  admit(id: string): Promise<{ readonly label: string }>;
  /** Those of the ids that are let in no more. */
  revoked(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Calls `wake` when somebody may have been revoked, until the function it returns is called. */
  onChange(wake: () => void): () => void;
}

export interface StrayOperations {
  /** Of the caller's tenant, those seen first before the others. */
  list(caller: Caller, request: PageRequest): Promise<Page<StrayView>>;
}

export interface ExecOperations {
  /**
   * Runs a command on a node. It ends when the signal fires or nobody takes its output any more. The last element is
   * its end.
   * @throws CLUSTER_NOT_FOUND, NODE_NOT_FOUND, CLUSTER_STATE, NODE_STATE, TOO_MANY_SESSIONS, PROVIDER_UNREACHABLE,
   *   MACHINE_MISSING, WORKER_LOST and others
   */
  exec(
    caller: Caller,
    request: SessionRequest,
    input: AsyncIterable<SessionInput>,
    signal: AbortSignal,
  ): AsyncIterable<SessionOutput>;
  /** A provisioner waits for a command. @returns what withdraws the offer */
  offer(offer: SessionOffer): () => void;
}

export interface Application {
  readonly clusters: ClusterOperations;
  readonly jobs: JobOperations;
  readonly catalog: CatalogOperations;
  readonly events: EventOperations;
  readonly strays: StrayOperations;
  readonly system: SystemOperations;
  readonly exec: ExecOperations;
  readonly provisioners: ProvisionerOperations & EnrolmentOperations;
}
