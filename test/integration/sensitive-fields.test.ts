/** What a provider document keeps secret is in no table, no record and no answer, and reaches the provider all the same. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { decodeBody } from "../../services/server/records/codec.js";
import { small } from "../chaos/operations.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";

const SECRET = "hunter2-tell-nobody";

describe("sensitive fields of a provider", function () {
  this.timeout(60_000);
  const loom = useLoom();

  async function document(): Promise<string> {
    const { body } = await loom.application.catalog.get(CALLER, "Provider", "simulated", 0);
    const fields = { ...(body as { fields: object }).fields, password: SECRET };
    return `kind: Provider\nname: simulated\ntype: simulated\nfields: ${JSON.stringify(fields)}\n`;
  }
  const apply = (text: string, validateOnly = false) =>
    loom.application.catalog.apply(CALLER, {
      files: [{ path: "secret.yaml", text }],
      shipped: false,
      requestId: randomUUID(),
      validateOnly,
    });
  /** Names of the tables in which the secret stands. */
  async function foundIn(): Promise<string[]> {
    const { pool } = loom.database;
    const { rows } = await pool.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    const found: string[] = [];
    for (const { name } of rows) {
      const { rowCount } = await pool.query(
        `SELECT 1 FROM "${name}" t WHERE t::text LIKE $1 OR t::text LIKE $2 LIMIT 1`,
        [`%${SECRET}%`, `%${Buffer.from(SECRET).toString("hex")}%`],
      );
      if (rowCount !== 0) found.push(name);
    }
    const { rows: records } = await pool.query<{ format: number; payload: Buffer }>(
      "SELECT format, payload FROM log_record",
    );
    const holds = records.some(({ format, payload }) => JSON.stringify(decodeBody(payload, format)).includes(SECRET));
    return holds ? [...found, "records"] : found;
  }

  it("stand nowhere in plain, and a cluster is made with them, changed and deleted", async () => {
    const text = await document();
    await apply(text, true);
    const { changes } = await apply(text);
    assert.equal(changes[0]!.version, 2);
    assert.deepEqual(
      (await apply(text)).changes.map(({ version }) => version),
      [2],
    );
    const { body } = await loom.application.catalog.get(CALLER, "Provider", "simulated", 0);
    assert.match((body as { fields: { password: string } }).fields.password, /^sealed:/);
    const brought = {
      ...small("secret", randomUUID(), 2),
      documents: [{ path: "mine.yaml", text: text.replace(SECRET, `${SECRET}-another`) }],
    };
    for (const request of [small("plain", randomUUID(), 2), brought]) {
      const { name } = await loom.application.clusters.create(CALLER, request);
      assert.equal((await loom.ended(name, 1)).state, "COMPLETE");
      await loom.application.clusters.repair(CALLER, name, mutation()).catch(() => undefined);
      const { number } = await loom.application.clusters.delete(CALLER, name, mutation());
      assert.equal((await loom.ended(name, number)).state, "COMPLETE");
    }
    assert.deepEqual(await foundIn(), []);
  });
});
