/** A whole Loom for benchmarks: the real database with its real settings, the real wire, simulated machines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { silentLogger } from "../../services/common/log.js";
import { startStandalone, type Standalone } from "../../services/standalone/start.js";

/** A service of two actions: with CREATE, CONFIRM and BOOTSTRAP that is five tasks a node. */
const CATALOG = `
kind: Provider
name: simulated
type: simulated
---
kind: HardwareType
name: any
providers: { simulated: { flavor: any } }
---
kind: ImageType
name: any
providers: { simulated: { image: any } }
---
kind: Service
name: worker
actions:
  install: { type: shell, fields: { script: "true" } }
  start: { type: shell, fields: { script: "true" } }
---
kind: ClusterTemplate
name: farm
defaults: { services: [worker], provider: simulated }
`;

export interface BenchLoom {
  readonly loom: Standalone;
  readonly client: LoomClient;
  readonly folder: string;
  stop(): Promise<void>;
}

export async function startBenchLoom(): Promise<BenchLoom> {
  const folder = mkdtempSync(join(tmpdir(), "loom-bench-"));
  const loom = await startStandalone({ folder, host: "127.0.0.1", port: 0, version: "bench", log: silentLogger, slots: 128, progress: () => undefined });
  const client = createLoomClient({ url: loom.url, token: loom.token });
  await client.catalog.applyDocuments({ files: [{ path: "bench.yaml", text: CATALOG }], requestId: crypto.randomUUID() });
  return {
    loom, client, folder,
    async stop() {
      await loom.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
