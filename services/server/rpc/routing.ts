/**
 * Where a call is answered once there are several datacenters: `anywhere` by any server, `owner` by the datacenter
 * that owns the shard the request names, `fan-out` by all of them, each for its own shards. With one datacenter all
 * three are the same server.
 */
import type { RpcName } from "./rpc-names.js";

export type Route = "anywhere" | "owner" | "fan-out";

export const ROUTING = {
  "CatalogService.ListDocuments": "anywhere",
  "CatalogService.GetDocument": "anywhere",
  "CatalogService.ListDocumentVersions": "anywhere",
  "CatalogService.ApplyDocuments": "owner",
  "CatalogService.DeleteDocument": "owner",
  "CatalogService.ListPluginTypes": "anywhere",
  "ClusterService.CreateCluster": "owner",
  "ClusterService.GetCluster": "owner",
  "ClusterService.ListClusters": "fan-out",
  "ClusterService.WatchCluster": "owner",
  "ClusterService.DeleteCluster": "owner",
  "ClusterService.ChangeLease": "owner",
  "ClusterService.AddNodes": "owner",
  "ClusterService.RemoveNodes": "owner",
  "ClusterService.ReplaceNode": "owner",
  "ClusterService.RepairCluster": "owner",
  "ClusterService.ConfigureCluster": "owner",
  "ClusterService.StartServices": "owner",
  "ClusterService.StopServices": "owner",
  "ClusterService.RestartServices": "owner",
  "ClusterService.AddServices": "owner",
  "ClusterService.RemoveServices": "owner",
  "ClusterService.ListNodes": "owner",
  "ClusterService.GetNode": "owner",
  "EventService.ListEvents": "fan-out",
  "EventService.WatchEvents": "fan-out",
  "JobService.GetJob": "owner",
  "JobService.ListJobs": "fan-out",
  "JobService.WatchJob": "owner",
  "JobService.PauseJob": "owner",
  "JobService.ResumeJob": "owner",
  "JobService.CancelJob": "owner",
  "JobService.RetryJob": "owner",
  "JobService.ListTasks": "owner",
  "JobService.RetryTask": "owner",
  "JobService.SkipTask": "owner",
  "JobService.ListAttempts": "owner",
  "JobService.ReadLogs": "owner",
  "SystemService.GetSystem": "anywhere",
  "SystemService.GetIdentity": "anywhere",
  "SystemService.GetQuota": "anywhere",
  "SystemService.SetQuota": "owner",
  "IdentityService.Identify": "anywhere",
  "WorkerService.Work": "anywhere",
} as const satisfies Record<RpcName, Route>;
