/** Words of the operations on clusters that are there. What they change is decided by pure functions in this folder. */
import { configLayers } from "../../catalog/config.js";
import { secretPlaces, type SecretPlaces } from "../../catalog/secrets.js";
import type { JsonObject } from "../../catalog/types.js";
import type { ClusterState } from "../states.js";
import type { NodeGroup } from "../../layout/types.js";
import type { RunCluster, RunNode } from "../../jobs/cluster-state.js";
import type { ClusterSpec, OperationChange } from "../../records/types.js";
import type { PlanView } from "../../views.js";

/** A cluster that an operation is asked for. */
export interface ChangingCluster {
  /** Without `clusters/`. */
  readonly name: string;
  readonly state: ClusterState;
  readonly cluster: RunCluster;
  /** In preference order. */
  readonly layout: readonly NodeGroup[];
  /** In number order, without those that are gone. */
  readonly nodes: readonly RunNode[];
}

/** What an operation does, decided before it is accepted. */
export interface Decision {
  /** Nodes to make, in preference order. */
  readonly groups?: readonly NodeGroup[];
  readonly change: OperationChange;
  readonly addedServices?: readonly string[];
  readonly configChanges?: PlanView["configChanges"];
  /** What was asked for, for people, where only the cluster tells which of it is secret. */
  readonly asked?: JsonObject;
  /** New secrets by path in the configuration; undefined where a password is to be made. */
  readonly secrets?: ReadonlyMap<string, string | undefined>;
}

/** Services on the nodes of a cluster, in code point order. */
export function servicesOf({ layout }: Pick<ChangingCluster, "layout">): string[] {
  return [...new Set(layout.flatMap((group) => group.services))].sort();
}

/**
 * Services whose change is to be told: those of the nodes that change. Where the last change did not reach everything,
 * nobody knows who has been told what, and `*` has every service configured again.
 */
export function changedServices(
  subject: ChangingCluster,
  nodes: Iterable<{ readonly services: readonly string[] }>,
): string[] {
  if (subject.state !== "ACTIVE") return ["*"];
  return [...new Set([...nodes].flatMap((node) => node.services))].sort();
}

/** Where secrets stand in the configuration of a cluster: where its documents say so, and where one is. */
export function placesOfSecrets(
  { services, template }: Pick<ClusterSpec, "services" | "template">,
  config: JsonObject,
): SecretPlaces {
  const bodies = new Map(Object.entries(services).map(([name, { body }]) => [name, body]));
  return secretPlaces([...configLayers(bodies, template.body), config]);
}
