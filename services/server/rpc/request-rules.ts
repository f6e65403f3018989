/**
 * What each request may hold. Names are missing here on purpose: they are checked where they are parsed (names.ts),
 * page and resume tokens where they are read.
 */
import { checkRequestId } from "../../common/ids.js";
import { LONGEST_LEASE } from "../leases/duration.js";
import {
  anything,
  between,
  known,
  list,
  MAX_INT32,
  needed,
  optional,
  pattern,
  text,
  type Rule,
  type Rules,
} from "./checks.js";
import type { RpcName } from "./rpc-names.js";
import type { BidiName, RequestOf } from "./stub-types.js";
import { clusterStates, documentKinds, jobStates, taskStates } from "./wire/enums.js";

const requestId: Rule<string> = {
  reason: "INVALID_REQUEST_ID",
  check(value) {
    if (value === "") return undefined;
    try {
      checkRequestId(value);
      return undefined;
    } catch {
      return "must be a UUID in lower case, a new one for each new request";
    }
  },
};

const documentKind: Rule<Parameters<typeof documentKinds.fromWire>[0]> = {
  // 0 stands for all kinds.
  check: (value) => (value === 0 ? undefined : known(documentKinds).check(value)),
};

const file: Rule<{ readonly path: string; readonly text: string }> = {
  check({ path }) {
    const wrong = needed(1_000).check(path);
    return wrong === undefined ? undefined : `has a path that ${wrong}`;
  },
};

const nodeCount = between(1, 10_000, "INVALID_SIZE");
const documentName = text(100);
const MOST_LEASE_SECONDS = LONGEST_LEASE / 1000;
const limit = optional(between(0, MAX_INT32));
const leaseChange: Rule<RequestOf<"ClusterService.ChangeLease">["change"]> = {
  reason: "INVALID_LEASE",
  check(change) {
    if (change === undefined) return "must be given: expire_time, extend_seconds or forever";
    if (change.$case === "expireTime") return Number.isNaN(change.value.getTime()) ? "must be a time" : undefined;
    if (change.$case === "extendSeconds") return between(1, MOST_LEASE_SECONDS).check(change.value);
    return change.$case === "forever" && !change.value ? "forever must be true where it is given" : undefined;
  },
};
const serviceNames = list(1_000, needed(100));
const etag = text(200);
const page = { pageSize: between(0, MAX_INT32), pageToken: text(4_000) };
const mutation = { etag, validateOnly: anything, requestId };
const jobControl = { name: anything, ...mutation };

/** Rules for the requests of every RPC that answers one message. Streams of requests are checked as they come. */
export const REQUEST_RULES = {
  "CatalogService.ListDocuments": { kind: documentKind, ...page },
  "CatalogService.GetDocument": { name: anything, version: between(0, MAX_INT32) },
  "CatalogService.ListDocumentVersions": { name: anything, ...page },
  "CatalogService.ApplyDocuments": {
    files: list(10_000, file, 1),
    validateOnly: anything,
    requestId,
    shipped: anything,
  },
  "CatalogService.DeleteDocument": { name: anything, ...mutation },
  "CatalogService.ListPluginTypes": {},
  "ClusterService.CreateCluster": {
    displayName: pattern(
      /^[A-Za-z][A-Za-z0-9-]{0,39}$/,
      "a letter, then letters, digits and hyphens, 1 to 40 characters",
    ),
    template: needed(100),
    nodeCount,
    description: text(1_000),
    provider: documentName,
    services: list(1_000, needed(100)),
    hardwareType: documentName,
    imageType: documentName,
    dnsSuffix: pattern(
      /^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.|$))*$/,
      "a DNS suffix such as `local` or `farm.example.org`",
    ),
    config: anything,
    validateOnly: anything,
    requestId,
    withDependencies: anything,
    leaseSeconds: optional(between(0, MOST_LEASE_SECONDS, "INVALID_LEASE")),
    documents: list(10_000, file),
  },
  "ClusterService.GetCluster": { name: anything },
  "ClusterService.ListClusters": {
    ...page,
    states: list(100, known(clusterStates)),
    displayName: text(40),
    template: documentName,
  },
  "ClusterService.WatchCluster": { name: anything, resumeToken: text(4_000) },
  "ClusterService.DeleteCluster": { name: anything, ...mutation },
  "ClusterService.ChangeLease": { name: anything, change: leaseChange, ...mutation },
  "ClusterService.AddNodes": { name: anything, service: needed(100), count: nodeCount, ...mutation },
  "ClusterService.RemoveNodes": {
    name: anything,
    nodes: list(10_000, between(1, MAX_INT32)),
    service: documentName,
    count: between(0, 10_000),
    ...mutation,
  },
  "ClusterService.ReplaceNode": { name: anything, node: between(1, MAX_INT32), ...mutation },
  "ClusterService.RepairCluster": { name: anything, ...mutation },
  "ClusterService.ConfigureCluster": {
    name: anything,
    config: anything,
    services: serviceNames,
    restart: anything,
    ...mutation,
  },
  "ClusterService.StartServices": { name: anything, services: serviceNames, ...mutation },
  "ClusterService.StopServices": { name: anything, services: serviceNames, ...mutation },
  "ClusterService.RestartServices": { name: anything, services: serviceNames, ...mutation },
  "ClusterService.AddServices": {
    name: anything,
    services: list(1_000, needed(100), 1),
    withDependencies: anything,
    ...mutation,
  },
  "ClusterService.RemoveServices": { name: anything, services: list(1_000, needed(100), 1), ...mutation },
  "ClusterService.ListNodes": { parent: anything, ...page, showDeleted: anything },
  "ClusterService.GetNode": { name: anything },
  "EventService.ListEvents": { parent: anything, ...page },
  "EventService.WatchEvents": { parent: anything, resumeToken: text(4_000) },
  "JobService.GetJob": { name: anything },
  "JobService.ListJobs": { parent: anything, ...page, states: list(100, known(jobStates)) },
  "JobService.WatchJob": { name: anything, resumeToken: text(4_000) },
  "JobService.PauseJob": jobControl,
  "JobService.ResumeJob": jobControl,
  "JobService.CancelJob": jobControl,
  "JobService.RetryJob": jobControl,
  "JobService.ListTasks": {
    parent: anything,
    ...page,
    states: list(100, known(taskStates)),
    node: between(0, MAX_INT32),
  },
  "JobService.RetryTask": jobControl,
  "JobService.SkipTask": { name: anything, reason: needed(1_000), ...mutation },
  "JobService.ListAttempts": { parent: anything },
  "JobService.ReadLogs": {
    name: anything,
    attempt: between(0, MAX_INT32),
    follow: anything,
    node: between(0, MAX_INT32),
  },
  "StrayService.ListStrays": page,
  "SystemService.GetSystem": {},
  "SystemService.GetIdentity": {},
  "SystemService.GetQuota": {},
  "SystemService.SetQuota": { maxClusters: limit, maxNodes: limit, ...mutation },
  "ProvisionerService.ListProvisioners": { ...page, showRevoked: anything },
  "ProvisionerService.CreateJoinToken": {
    label: pattern(
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
      "lower-case letters, digits and hyphens, 1 to 63 characters, and begin and end with none of the hyphens",
    ),
    ttlSeconds: {
      check: (value: number) => (value === 0 ? undefined : between(60, 604_800).check(value)),
    },
    validateOnly: anything,
    requestId,
  },
  "ProvisionerService.RevokeProvisioner": { name: anything, ...mutation },
  "IdentityService.Identify": { token: needed(4_000) },
  "EnrolmentService.Join": {
    token: needed(4_000),
    certificateRequest: needed(10_000),
    // Other people's terminals show them.
    host: pattern(/^[\x21-\x7e]{0,255}$/, "at most 255 printable characters of ASCII, without blanks"),
    datacenter: pattern(/^[\x21-\x7e]{0,63}$/, "at most 63 printable characters of ASCII, without blanks"),
  },
  "EnrolmentService.RenewCertificate": { certificateRequest: needed(10_000) },
} as const satisfies { readonly [Name in Exclude<RpcName, BidiName>]: Rules<RequestOf<Name>> };
