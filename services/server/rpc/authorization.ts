/**
 * Who may call what. A role may do all that the roles below it may. `internal` calls come over the internal socket
 * from Loom's own processes and carry no person's identity.
 */
import type { Role } from "../application.js";
import type { RpcName } from "./rpc-names.js";

export const AUTHORIZATION = {
  "CatalogService.ListDocuments": "viewer",
  "CatalogService.GetDocument": "viewer",
  "CatalogService.ListDocumentVersions": "viewer",
  "CatalogService.ApplyDocuments": "admin",
  "CatalogService.DeleteDocument": "admin",
  "CatalogService.ListPluginTypes": "viewer",
  "ClusterService.CreateCluster": "operator",
  "ClusterService.GetCluster": "viewer",
  "ClusterService.ListClusters": "viewer",
  "ClusterService.WatchCluster": "viewer",
  "ClusterService.DeleteCluster": "operator",
  "ClusterService.ChangeLease": "operator",
  "ClusterService.AddNodes": "operator",
  "ClusterService.RemoveNodes": "operator",
  "ClusterService.ReplaceNode": "operator",
  "ClusterService.RepairCluster": "operator",
  "ClusterService.ConfigureCluster": "operator",
  "ClusterService.StartServices": "operator",
  "ClusterService.StopServices": "operator",
  "ClusterService.RestartServices": "operator",
  "ClusterService.AddServices": "operator",
  "ClusterService.RemoveServices": "operator",
  "ClusterService.ListNodes": "viewer",
  "ClusterService.GetNode": "viewer",
  "EventService.ListEvents": "viewer",
  "EventService.WatchEvents": "viewer",
  "ExecService.Exec": "operator",
  "JobService.GetJob": "viewer",
  "JobService.ListJobs": "viewer",
  "JobService.WatchJob": "viewer",
  "JobService.PauseJob": "operator",
  "JobService.ResumeJob": "operator",
  "JobService.CancelJob": "operator",
  "JobService.RetryJob": "operator",
  "JobService.ListTasks": "viewer",
  "JobService.RetryTask": "operator",
  "JobService.SkipTask": "operator",
  "JobService.ListAttempts": "viewer",
  "JobService.ReadLogs": "viewer",
  "StrayService.ListStrays": "viewer",
  "SystemService.GetSystem": "viewer",
  "SystemService.GetIdentity": "viewer",
  "SystemService.GetQuota": "viewer",
  "SystemService.SetQuota": "admin",
  "ProvisionerService.ListProvisioners": "viewer",
  "ProvisionerService.CreateJoinToken": "admin",
  "ProvisionerService.RevokeProvisioner": "admin",
  "IdentityService.Identify": "internal",
  "EnrolmentService.Join": "internal",
  "EnrolmentService.RenewCertificate": "internal",
  "WorkerService.Work": "internal",
  "WorkerService.Sessions": "internal",
} as const satisfies Record<RpcName, Role | "internal">;

/**
 * Fields that take more than their RPC does: who gives them does two things at once, and must be allowed both. Documents
 * hold scripts, which run on nodes.
 */
export const FIELD_AUTHORIZATION: Readonly<
  Partial<Record<RpcName, Readonly<Record<string, { readonly role: Role; readonly why: string }>>>>
> = {
  "ClusterService.CreateCluster": {
    documents: {
      role: AUTHORIZATION["CatalogService.ApplyDocuments"],
      why: "documents of one's own hold scripts that run on nodes, as those of the catalog do",
    },
  },
};

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** True where a role may do what another one may. */
export function covers(role: Role, needed: Role): boolean {
  return RANK[role] >= RANK[needed];
}

/** True where the text names a role. */
export function isRole(text: string): text is Role {
  return Object.hasOwn(RANK, text);
}
