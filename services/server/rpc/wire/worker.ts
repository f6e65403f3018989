/** What passes between job engine and provisioners as messages. */
import type {
  Assignment as WireAssignment,
  Inventory,
  Lease as WireLease,
  LogChunk as WireLogChunk,
  OfferedType,
  Register,
  Result,
} from "../../../../gen/services/loom/internal/v1/worker.js";
import type { JsonObject } from "../../catalog/types.js";
import type { PluginTypeView } from "../../views.js";
import type { Assignment, InventoryQuestion, Lease, LogChunk, TaskResult } from "../../workers/types.js";

export function leaseToWire(lease: Lease): WireLease {
  const { shard, epoch, cluster, job, task, runner, attempt } = lease;
  return { shard, epoch, cluster, job, task, runner, attempt };
}

export function assignmentToWire(assignment: Assignment): WireAssignment {
  const { node } = assignment;
  return {
    lease: leaseToWire(assignment.lease),
    action: assignment.action,
    service: assignment.service,
    clusterUid: assignment.clusterUid,
    clusterName: assignment.clusterName,
    tenant: assignment.tenant,
    node: {
      number: node.number,
      incarnation: node.incarnation,
      token: node.token,
      hostname: node.hostname,
      services: [...node.services],
      flavor: node.flavor,
      hardwareFields: node.hardwareFields,
      image: node.image,
      user: node.user,
      addresses: { ...node.addresses },
      providerResults: node.providerResults,
    },
    providerType: assignment.providerType,
    provider: assignment.provider,
    providerFields: assignment.providerFields,
    automatorType: assignment.automatorType,
    automatorFields: assignment.automatorFields,
    config: assignment.config,
    secrets: [...assignment.secrets],
    timeoutMs: assignment.timeoutMs,
    taskKey: assignment.taskKey,
    replacesTokens: [...assignment.replacesTokens],
  };
}

export function questionToWire(query: string, { providerType, fields }: InventoryQuestion): Inventory {
  return { query, providerType, providerFields: fields };
}

/** Undefined where the result names no lease. */
export function resultFromWire(result: Result): TaskResult | undefined {
  const { lease, succeeded, reason, message, exitCode, permanent, addresses, machine, unreachable } = result;
  if (lease === undefined) return undefined;
  const results = (result.results ?? {}) as JsonObject;
  return { lease, succeeded, reason, message, exitCode, permanent, addresses, machine, results, unreachable };
}

/** Undefined where the chunk names no lease. */
export function logChunkFromWire(chunk: WireLogChunk): LogChunk | undefined {
  const { lease, stderr, text, sequence } = chunk;
  return lease === undefined ? undefined : { lease, stderr, text, sequence };
}

function offerFromWire(kind: PluginTypeView["kind"], offered: OfferedType): PluginTypeView {
  return {
    kind,
    type: offered.type,
    description: offered.description,
    fields: offered.fields.map(({ name, type, description, required, sensitive }) => ({
      name,
      type,
      description,
      required,
      sensitive,
    })),
    available: offered.unavailableReason === "",
    unavailableReason: offered.unavailableReason,
  };
}

/** Provider types first, each list in the order it was sent. */
export function offersFromWire(register: Register): PluginTypeView[] {
  return [
    ...register.providers.map((offered) => offerFromWire("PROVIDER", offered)),
    ...register.automators.map((offered) => offerFromWire("AUTOMATOR", offered)),
  ];
}
