/** A unix socket in front of PostgreSQL that cuts connections where a test wants it. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../../services/server/store/database.js";

export interface Cut {
  /** Text of the message to cut at, for example "COMMIT". */
  readonly at: string;
  /** "request": the database never sees it. "answer": it does the work, and its answer is lost. */
  readonly lose: "request" | "answer";
}

export interface PostgresProxy {
  readonly connection: Connection;
  /** Cuts one connection, the next one that sends such a message. */
  cutOnce(cut: Cut): void;
  close(): Promise<void>;
}

export async function startProxy(target: Connection): Promise<PostgresProxy> {
  const folder = mkdtempSync(join(tmpdir(), "loom-proxy-"));
  const open = new Set<Socket>();
  let next: Cut | undefined;

  const server = createServer((client) => {
    const database = connect(join(target.host, `.s.PGSQL.${target.port}`));
    let losesAnswer = false;
    const end = (): void => {
      client.destroy();
      database.destroy();
    };
    for (const socket of [client, database]) {
      open.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        open.delete(socket);
        end();
      });
    }
    client.on("data", (bytes) => {
      if (next !== undefined && bytes.includes(next.at)) {
        const { lose } = next;
        next = undefined;
        if (lose === "request") return end();
        losesAnswer = true;
      }
      database.write(bytes);
    });
    database.on("data", (bytes) => (losesAnswer ? end() : client.write(bytes)));
  });
  server.listen(join(folder, ".s.PGSQL.5432"));
  await once(server, "listening");

  return {
    connection: { ...target, host: folder, port: 5432 },
    cutOnce: (cut) => {
      next = cut;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
