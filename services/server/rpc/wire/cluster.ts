/** Clusters and nodes as messages. */
import type {
  ChangeLeaseRequest,
  Cluster,
  CreateClusterRequest,
  Node,
} from "../../../../gen/services/loom/v1/cluster.js";
import type { CreateCluster } from "../../application.js";
import type { JsonObject } from "../../catalog/types.js";
import type { LeaseChange } from "../../leases/rules.js";
import type { ClusterView, NodeView } from "../../views.js";
import { clusterPath, nodePath } from "../names.js";
import { costToWire } from "./cost.js";
import { clusterStates, nodeObservations, nodeStates } from "./enums.js";
import { jobToWire, planToWire } from "./job.js";

export function clusterToWire(cluster: ClusterView): Cluster {
  return {
    name: clusterPath(cluster.name),
    uid: cluster.uid,
    displayName: cluster.displayName,
    description: cluster.description,
    state: clusterStates.toWire(cluster.state),
    template: cluster.template,
    templateVersion: cluster.templateVersion,
    provider: cluster.provider,
    nodeCount: cluster.nodeCount,
    services: [...cluster.services],
    config: cluster.config,
    owner: cluster.owner,
    createTime: cluster.createTime,
    job: cluster.job === undefined ? undefined : jobToWire(cluster.job),
    links: cluster.links.map(({ label, url }) => ({ label, url })),
    etag: cluster.etag,
    plan: cluster.plan === undefined ? undefined : planToWire(cluster.plan),
    tenant: cluster.tenant,
    layout: cluster.layout.map((group) => ({
      count: group.count,
      hardwareType: group.hardwareType,
      imageType: group.imageType,
      services: [...group.services],
    })),
    expireTime: cluster.expireTime,
    cost: costToWire(cluster.cost),
    observed:
      cluster.observed === undefined
        ? undefined
        : {
            down: cluster.observed.down,
            missing: cluster.observed.missing,
            unknown: cluster.observed.isUnknown,
            message: cluster.observed.message,
          },
  };
}

/** The end of a lease that a request asks for; {@link file://../request-rules.ts} has let it through. */
export function leaseChangeFromWire(change: NonNullable<ChangeLeaseRequest["change"]>): LeaseChange {
  switch (change.$case) {
    case "expireTime":
      return { to: "time", expireTime: change.value.getTime() };
    case "extendSeconds":
      return { to: "later", by: change.value * 1000 };
    case "forever":
      return { to: "never" };
  }
}

export function nodeToWire(node: NodeView): Node {
  return {
    name: nodePath(node.cluster, node.number),
    number: node.number,
    incarnation: node.incarnation,
    state: nodeStates.toWire(node.state),
    observed: nodeObservations.toWire(node.observed),
    observedSince: node.observedSince,
    observedMessage: node.observedMessage,
    hostname: node.hostname,
    addresses: { ...node.addresses },
    hardwareType: node.hardwareType,
    imageType: node.imageType,
    services: [...node.services],
    stoppedServices: [...node.stoppedServices],
    machine: node.machine,
    message: node.message,
  };
}

export function createClusterFromWire(request: CreateClusterRequest): CreateCluster {
  return {
    displayName: request.displayName,
    template: request.template,
    nodeCount: request.nodeCount,
    description: request.description,
    provider: request.provider,
    services: request.services,
    hardwareType: request.hardwareType,
    imageType: request.imageType,
    dnsSuffix: request.dnsSuffix,
    config: (request.config ?? {}) as JsonObject,
    withDependencies: request.withDependencies,
    lease: request.leaseSeconds === undefined ? undefined : request.leaseSeconds * 1000,
    // Absent rather than empty, so that requests without them have the fingerprint that they always had.
    documents: request.documents.length === 0 ? undefined : request.documents.map(({ path, text }) => ({ path, text })),
    requestId: request.requestId,
    validateOnly: request.validateOnly,
  };
}
