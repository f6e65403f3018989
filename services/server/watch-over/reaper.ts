/**
 * Removing machines that nobody owns. An order is a DELETE task of no job: the worker, its leases and the provider treat
 * it as any other. It names a token that nothing will ever want again (strays.ts), so it is right however late it lands.
 */
import { randomInt } from "node:crypto";
import { storable } from "../store/storable.js";
import type { Stray, StrayDetails } from "../store/strays.js";
import type { SlotClient, SlotHub } from "../workers/hub.js";
import { servedBy, type Assignment, type Lease, type TaskResult } from "../workers/types.js";

/** How long a provider may take to remove a machine, in milliseconds. */
const REMOVE_MS = 300_000;

/** Jobs count from 1, so that no lease of a job is the same. */
export const NO_JOB = 0;

/** Undefined where it is gone, otherwise why not. */
export type Removal = string | undefined;

/**
 * @param epoch of the stray's shard
 * @returns once a worker has said how it ended, or is lost
 */
export function removeStray(hub: SlotHub, stray: Stray, epoch: bigint, details: StrayDetails): Promise<Removal> {
  const { type, provisioner } = details.spec.provider.body;
  return new Promise((resolve) => {
    const client: SlotClient = {
      slotsFreed: () => undefined,
      result(result: TaskResult) {
        hub.settle(result.lease);
        resolve(result.succeeded ? undefined : storable(result.message));
      },
      lost: () => resolve("The provisioner that was to remove it is gone."),
    };
    const [slot] = hub.take(client, servedBy(type, provisioner ?? ""), 1);
    hub.leave(client);
    if (slot === undefined) return resolve("No provisioner that serves its provider has time for it.");
    slot.assign(orderOf(stray, epoch, details));
  });
}

function orderOf(stray: Stray, epoch: bigint, details: StrayDetails): Assignment {
  const { uid, cluster, spec, hostname, hardwareType, imageType } = details;
  const provider = spec.provider;
  const hardware = spec.hardwareTypes[hardwareType]?.body.providers?.[provider.name];
  const image = spec.imageTypes[imageType]?.body.providers?.[provider.name];
  // By chance, since the order before may be with a worker still.
  const task = randomInt(2 ** 31 - 1);
  const lease: Lease = {
    shard: stray.shard,
    epoch,
    cluster: stray.clusterId,
    job: NO_JOB,
    task,
    runner: 1,
    attempt: 1,
  };
  return {
    lease,
    action: "DELETE",
    service: "",
    clusterUid: uid,
    clusterName: cluster,
    tenant: stray.tenant,
    node: {
      number: stray.node,
      incarnation: stray.incarnation,
      token: stray.token,
      hostname,
      services: [],
      flavor: hardware?.flavor ?? "",
      hardwareFields: hardware?.fields ?? {},
      image: image?.image ?? "",
      user: image?.user ?? "root",
      addresses: {},
      providerResults: {},
    },
    providerType: provider.body.type,
    provider: provider.name,
    providerFields: provider.body.fields ?? {},
    automatorType: "",
    automatorFields: {},
    config: {},
    secrets: [],
    timeoutMs: REMOVE_MS,
    taskKey: `stray.${stray.token}`,
    replacesTokens: [],
  };
}
