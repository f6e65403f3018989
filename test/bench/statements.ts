/** What Loom says to the database while it makes one cluster, counted by the names of its transactions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLoomClient } from "../../gateway/client.js";
import { silentLogger } from "../../services/common/log.js";
import { startStandalone } from "../../services/standalone/start.js";
import { BENCH_CATALOG } from "./catalog.js";
import { create } from "./create.js";

export interface Statements {
  readonly nodes: number;
  readonly tasks: number;
  /** Most first; BEGIN and COMMIT are statements too. */
  readonly rows: readonly { readonly name: string; readonly statements: number }[];
}

/** In this process, so that its hooks can be used; times mean nothing here. */
export async function countStatements(nodes: number): Promise<Statements> {
  const folder = mkdtempSync(join(tmpdir(), "loom-bench-"));
  const counts = new Map<string, number>();
  const loom = await startStandalone({
    folder,
    host: "127.0.0.1",
    port: 0,
    version: "bench",
    log: silentLogger,
    slots: 32,
    progress: () => undefined,
    hooks: { beforeStatement: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1) },
  });
  try {
    const client = createLoomClient({ url: loom.url, token: loom.token });
    const files = [{ path: "bench.yaml", text: BENCH_CATALOG }];
    await client.catalog.applyDocuments({ files, requestId: crypto.randomUUID() });
    counts.clear();
    const { tasks } = await create(client, "counted", nodes);
    const rows = [...counts].map(([name, statements]) => ({ name, statements }));
    return { nodes, tasks, rows: rows.toSorted((a, b) => b.statements - a.statements) };
  } finally {
    await loom.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
