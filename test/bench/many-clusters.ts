/** A Loom with many small clusters, made through the API once for all benchmarks that read them. */
import { rmSync } from "node:fs";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { makeFolder, startBuiltLoom, type BuiltLoom } from "./built-loom.js";
import { BENCH_CATALOG } from "./catalog.js";

export interface ManyClusters {
  readonly folder: string;
  readonly clusters: number;
  readonly nodes: number;
  remove(): void;
}

/** Clusters under way at once while they are made. */
const AT_ONCE = 16;

/** Every tenth cluster is of this template, whose nodes have no service actions. */
export const RARE_TEMPLATE = "rare";
const RARE = `${BENCH_CATALOG}---
kind: Service
name: still
actions: {}
---
kind: ClusterTemplate
name: ${RARE_TEMPLATE}
defaults: { services: [still], provider: bench, hardwareType: any, imageType: any }
`;

/** Clusters `c-0`, `c-1`, ...; every twentieth is deleted again. */
export async function makeManyClusters(
  clusters: number,
  nodes: number,
  say: (line: string) => void,
): Promise<ManyClusters> {
  const folder = makeFolder();
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    const loom = await startBuiltLoom({ folder, bare: true });
    try {
      const files = [{ path: "bench.yaml", text: RARE }];
      await loom.client.catalog.applyDocuments({ files, requestId: crypto.randomUUID() });
      const started = performance.now();
      const names = await fill(loom, clusters, nodes);
      await untilQuiet(loom);
      const seconds = (performance.now() - started) / 1000;
      say(`${clusters} clusters of ${nodes} nodes made in ${seconds.toFixed(0)} s`);
      for (const name of names.filter((_, number) => number % 20 === 7)) {
        await loom.client.clusters.deleteCluster({ name, requestId: crypto.randomUUID() });
      }
      await untilQuiet(loom);
    } finally {
      await loom.stop();
    }
    return { folder, clusters, nodes, remove };
  } catch (thrown) {
    remove();
    throw thrown;
  }
}

async function fill({ client }: BuiltLoom, clusters: number, nodeCount: number): Promise<string[]> {
  const names: string[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    for (let number = next++; number < clusters; number = next++) {
      const template = number % 10 === 0 ? RARE_TEMPLATE : "farm";
      const request = { displayName: `c-${number}`, template, nodeCount, requestId: crypto.randomUUID() };
      names[number] = (await client.clusters.createCluster(request)).name;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return names;
}

/** Waits until no job is at work. */
async function untilQuiet({ client }: BuiltLoom): Promise<void> {
  for (;;) {
    const { clusters } = await client.clusters.listClusters({ states: [Cluster_State.PENDING], pageSize: 1 });
    if (clusters.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
