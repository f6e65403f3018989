/** More services on the nodes that are there. Pure. */
import { LoomError } from "../../../common/errors.js";
import { checkedConfig, mergeConfig, ownConfigs } from "../../catalog/config.js";
import { findGenerated, hideTexts, withSecretReferences } from "../../catalog/secrets.js";
import type { Bodies, Catalog, Service } from "../../catalog/types.js";
import { problemOf } from "../../layout/problem.js";
import { chooseServices } from "../../layout/services.js";
import type { SpreadRequest, SpreadResult } from "../../layout/spread.js";
import type { NodeGroup } from "../../layout/types.js";
import type { Pinned } from "../../records/types.js";
import { withoutFormerDefaults } from "./former-defaults.js";
import { placesOfSecrets, servicesOf, type ChangingCluster, type Decision } from "./types.js";

/** The catalog of the moment, from which new services are pinned. */
export interface CatalogNow {
  readonly catalog: Pick<Catalog, "Service">;
  pin(service: string): Pinned<Bodies["Service"]>;
}

/** Finds places for services: `spreadServices`, off the main loop. */
export type Spread = (request: SpreadRequest) => SpreadResult | Promise<SpreadResult>;

/**
 * @throws ALREADY_PRESENT, INVALID_FIELD, NO_LAYOUT, LAYOUT_TOO_HARD, INVALID_CONFIG, and what chooseServices throws
 */
export async function addServices(
  subject: ChangingCluster,
  asked: readonly string[],
  withDependencies: boolean,
  now: CatalogNow,
  spread: Spread,
): Promise<Decision> {
  if (asked.length === 0)
    throw new LoomError("INVALID_FIELD", "Say which services to add.", {
      violations: [{ field: "services", description: "must name a service" }],
    });
  const { cluster, layout, name, nodes } = subject;
  const { template } = cluster.spec;
  const present = servicesOf(subject);
  const there = asked.find((service) => present.includes(service));
  if (there !== undefined) {
    const on = nodes.filter((node) => node.services.includes(there)).map((node) => node.number);
    throw new LoomError(
      "ALREADY_PRESENT",
      `Service "${there}" is on "${name}" already, on ${on.length === 1 ? "node" : "nodes"} ${on.slice(0, 10).join(", ")}${on.length > 10 ? ` and ${on.length - 10} more` : ""}. "loom add-nodes" puts it on more nodes.`,
      { metadata: { service: there, nodes: on.slice(0, 10).join(",") } },
    );
  }
  // What is there keeps the version it was made from.
  const bodies = new Map<string, Service>(now.catalog.Service);
  for (const service of present) bodies.set(service, cluster.spec.services[service]!.body);
  const catalog = { Service: bodies } as unknown as Catalog;
  const all = chooseServices(catalog, template.name, template.body, [...present, ...asked], withDependencies).services;
  const added = all.filter((service) => !present.includes(service));
  const types = (of: (group: NodeGroup) => string): string[] => [...new Set(layout.map(of))].sort();
  const problem = problemOf(
    catalog,
    template.body,
    all,
    nodes.length,
    types((group) => group.hardwareType),
    types((group) => group.imageType),
  );
  const result = await spread({ problem, present: layout, added });
  if (result.outcome === "tooHard") {
    throw new LoomError(
      "LAYOUT_TOO_HARD",
      `No place for ${added.join(", ")} on "${name}" was found within ${result.steps} steps. Add fewer services at once.`,
      { metadata: { steps: String(result.steps) } },
    );
  }
  if (result.outcome === "unsolvable") {
    throw new LoomError(
      "NO_LAYOUT",
      `The nodes of "${name}" have no place for "${result.service}": the constraints of template "${template.name}" keep it off them. Add nodes, or make a cluster with it.`,
      { metadata: { service: result.service } },
    );
  }
  // What was taken away and comes again is what the catalog says now, not what it was.
  const pinned = Object.fromEntries(added.map((service) => [service, now.pin(service)]));
  const own = ownConfigs(new Map(Object.entries(pinned).map(([service, { body }]) => [service, body])));
  const full = mergeConfig(own, withoutFormerDefaults(cluster, added));
  // What was configured before the service came is a secret too where the service says so.
  const spec = { template, services: { ...cluster.spec.services, ...pinned } };
  const { config, texts } = hideTexts(checkedConfig(full, {}, []), placesOfSecrets(spec, cluster.config));
  return {
    change: {
      added: byNode(subject, result.groups),
      services: added,
      changed: added,
      pinned,
      config: withSecretReferences(config),
    },
    addedServices: added.filter((service) => !asked.includes(service)),
    secrets: new Map([...findGenerated(config).map((path) => [path, undefined] as const), ...texts]),
  };
}

/** The first nodes of a group, by number, get what the first part of it gets. */
function byNode(
  { layout, nodes }: ChangingCluster,
  parts: readonly { readonly from: number; readonly count: number; readonly added: readonly string[] }[],
): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {};
  layout.forEach((group, index) => {
    const key = JSON.stringify([group.hardwareType, group.imageType, group.services]);
    const alike = nodes.filter((node) => JSON.stringify([node.hardwareType, node.imageType, node.services]) === key);
    let next = 0;
    for (const part of parts.filter(({ from }) => from === index)) {
      for (const node of alike.slice(next, next + part.count))
        if (part.added.length > 0) found[node.number] = part.added;
      next += part.count;
    }
  });
  return found;
}
