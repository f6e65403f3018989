/** Views of clusters: configuration masked, links with their macros expanded as far as that goes. */
import { maskSecrets } from "../catalog/secrets.js";
import type { Link } from "../catalog/types.js";
import { expandMacros } from "../macros/expand.js";
import { macroReferences } from "../macros/references.js";
import { clusterName } from "../../common/ids.js";
import { clusterView, readNodes, type ClusterWithJob } from "../store/read/clusters.js";
import type { Rows } from "../store/rows.js";
import type { ClusterView, NodeView } from "../views.js";

/** Nodes looked at for links at most: a link names one address, rarely a handful. */
const MOST_NODES = 1000;

/** For lists: links would cost a look at the nodes of every cluster. */
export function plainView(row: ClusterWithJob): ClusterView {
  return clusterView(row, maskSecrets(row.config), []);
}

/** With links; one whose addresses are not known yet is left out. */
export async function fullView(db: Rows, row: ClusterWithJob): Promise<ClusterView> {
  const links: readonly Link[] = [...(row.template_links ?? []), ...(row.service_links ?? [])];
  return clusterView(row, maskSecrets(row.config), links.length === 0 ? [] : await expandLinks(db, row, links));
}

async function expandLinks(db: Rows, row: ClusterWithJob, links: readonly Link[]): Promise<Link[]> {
  const services = links.flatMap((link) => macroReferences(link.url)).filter((name) => name !== "*");
  const name = clusterName(row.display_name, row.id);
  const nodes =
    services.length === 0
      ? []
      : await readNodes(db, row.shard, row.id, name, { showDeleted: false, services, limit: MOST_NODES });
  const nodesOf = (service: string): NodeView[] => nodes.filter((node) => node.services.includes(service));
  const expanded: Link[] = [];
  for (const link of links) {
    try {
      expanded.push({
        label: link.label,
        url: expandMacros(link.url, { owner: row.owner, self: undefined, nodesOf }) as string,
      });
    } catch {
      // Not known yet, or no such node in this cluster: nothing to show.
    }
  }
  return expanded;
}
