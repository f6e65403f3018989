/** ClusterService. */
import type { WatchClusterResponse } from "../../../../gen/services/loom/v1/cluster.js";
import type { ClusterOperations } from "../../application.js";
import type { JsonObject } from "../../catalog/types.js";
import { withHeartbeats } from "../heartbeats.js";
import { parseCluster, parseNode } from "../names.js";
import type { HandlersOf } from "../stub-types.js";
import { clusterToWire, createClusterFromWire, leaseChangeFromWire, nodeToWire } from "../wire/cluster.js";
import { clusterStates } from "../wire/enums.js";
import { jobToWire } from "../wire/job.js";
import { mapped, mutationOf, pageOf, words } from "./pages.js";

export function clusterHandlers(clusters: ClusterOperations): HandlersOf<"ClusterService"> {
  return {
    "ClusterService.CreateCluster": async (request, { caller }) =>
      clusterToWire(await clusters.create(caller, createClusterFromWire(request))),

    "ClusterService.GetCluster": async (request, { caller }) =>
      clusterToWire(await clusters.get(caller, parseCluster(request.name, "name"))),

    "ClusterService.ListClusters": async (request, { caller }) => {
      const { displayName, template } = request;
      const states = words(clusterStates, request.states);
      const page = await clusters.list(caller, { ...pageOf(request), states, displayName, template });
      return { clusters: page.items.map(clusterToWire), nextPageToken: page.nextPageToken, unreachable: [] };
    },

    "ClusterService.WatchCluster": (request, { caller, signal }) => {
      const changes = clusters.watch(caller, parseCluster(request.name, "name"), request.resumeToken, signal);
      const messages = mapped(changes, ({ value, resumeToken }): WatchClusterResponse => ({
        cluster: value === undefined ? undefined : clusterToWire(value),
        resumeToken,
      }));
      const heartbeat = (last: WatchClusterResponse | undefined): WatchClusterResponse => ({
        cluster: undefined,
        resumeToken: last?.resumeToken ?? request.resumeToken,
      });
      return withHeartbeats(messages, signal, heartbeat);
    },

    "ClusterService.DeleteCluster": async (request, { caller }) =>
      jobToWire(await clusters.delete(caller, parseCluster(request.name, "name"), mutationOf(request))),

    "ClusterService.ChangeLease": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return clusterToWire(
        await clusters.changeLease(caller, cluster, leaseChangeFromWire(request.change!), mutationOf(request)),
      );
    },

    "ClusterService.AddNodes": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.addNodes(caller, cluster, request.service, request.count, mutationOf(request)));
    },

    "ClusterService.RemoveNodes": async (request, { caller }) => {
      const { nodes, service, count } = request;
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.removeNodes(caller, cluster, { nodes, service, count }, mutationOf(request)));
    },

    "ClusterService.ReplaceNode": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.replaceNode(caller, cluster, request.node, mutationOf(request)));
    },

    "ClusterService.RepairCluster": async (request, { caller }) =>
      jobToWire(await clusters.repair(caller, parseCluster(request.name, "name"), mutationOf(request))),

    "ClusterService.ConfigureCluster": async (request, { caller }) => {
      const { services, restart } = request;
      const config = (request.config ?? {}) as JsonObject;
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.configure(caller, cluster, { config, services, restart }, mutationOf(request)));
    },

    "ClusterService.StartServices": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.actOn(caller, cluster, "START_SERVICES", request.services, mutationOf(request)));
    },

    "ClusterService.StopServices": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.actOn(caller, cluster, "STOP_SERVICES", request.services, mutationOf(request)));
    },

    "ClusterService.RestartServices": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return jobToWire(
        await clusters.actOn(caller, cluster, "RESTART_SERVICES", request.services, mutationOf(request)),
      );
    },

    "ClusterService.AddServices": async (request, { caller }) => {
      const { services, withDependencies } = request;
      const cluster = parseCluster(request.name, "name");
      return jobToWire(
        await clusters.addServices(caller, cluster, { services, withDependencies }, mutationOf(request)),
      );
    },

    "ClusterService.RemoveServices": async (request, { caller }) => {
      const cluster = parseCluster(request.name, "name");
      return jobToWire(await clusters.removeServices(caller, cluster, request.services, mutationOf(request)));
    },

    "ClusterService.ListNodes": async (request, { caller }) => {
      const { showDeleted } = request;
      const page = await clusters.listNodes(caller, parseCluster(request.parent, "parent"), {
        ...pageOf(request),
        showDeleted,
      });
      return { nodes: page.items.map(nodeToWire), nextPageToken: page.nextPageToken };
    },

    "ClusterService.GetNode": async (request, { caller }) => {
      const { cluster, number } = parseNode(request.name, "name");
      return nodeToWire(await clusters.getNode(caller, cluster, number));
    },
  };
}
