import assert from "node:assert/strict";
import { useDatabase } from "../../../test/support/database.js";
import { storable } from "./storable.js";

describe("storable", () => {
  const db = useDatabase();

  it("leaves what the database keeps as it is", () => {
    const value = { text: "ß 😀 \n", list: ["a", 1, true, null], inner: { key: "" } };
    assert.deepEqual(storable(value), value);
  });

  it("makes the database keep what it would refuse", async () => {
    const text = "a\0b";
    const json = { "k\0": [text, "\ud83d"] };
    const store = (one: string, other: object): Promise<{ rows: { one: string; other: object }[] }> =>
      db.database.pool.query("SELECT $1::text AS one, $2::jsonb AS other", [one, JSON.stringify(other)]);
    await assert.rejects(store(text, {}));
    await assert.rejects(store("", { text }));
    await assert.rejects(store("", ["\ud83d"]));
    const { rows } = await store(storable(text), storable(json));
    assert.deepEqual(rows, [{ one: "a\ufffdb", other: { "k\ufffd": ["a\ufffdb", "\ufffd"] } }]);
  });
});
