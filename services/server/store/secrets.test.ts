import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { useDatabase } from "../../../test/support/database.js";
import { LoomError } from "../../common/errors.js";
import { createReader } from "./rows.js";
import { clusterSecretContext, createSecretBox, openClusterSecrets } from "./secrets.js";
import { createTransactor } from "./transaction.js";

describe("secret box", () => {
  let folder: string;
  const unreadable = (error: unknown): boolean => error instanceof LoomError && error.reason === "SECRET_UNREADABLE";

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "loom-secrets-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("opens what it sealed, also after a restart", async () => {
    const box = await createSecretBox(join(folder, "keys"));
    const again = await createSecretBox(join(folder, "keys"));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, context) => {
        assert.equal(again.open(box.seal(text, context), context), text);
      }),
    );
    assert.notDeepEqual(box.seal("same", "c"), box.seal("same", "c"));
  });

  it("keeps the key file to its owner", async () => {
    await createSecretBox(join(folder, "keys"));
    assert.equal((await stat(join(folder, "keys"))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ["keys"]);
  });

  it("has one key however many start at once", async () => {
    const boxes = await Promise.all(Array.from({ length: 20 }, () => createSecretBox(join(folder, "keys"))));
    for (const box of boxes) assert.equal(boxes[0]!.open(box.seal("text", "c"), "c"), "text");
  });

  it("notices every changed byte and every other context", async () => {
    const box = await createSecretBox(join(folder, "keys"));
    const sealed = box.seal("password", "cluster/a");
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      assert.throws(() => box.open(changed, "cluster/a"), unreadable, `byte ${at}`);
    }
    for (let length = 0; length < sealed.length; length += 1)
      assert.throws(() => box.open(sealed.subarray(0, length), "cluster/a"), unreadable);
    assert.throws(() => box.open(sealed, "cluster/b"), unreadable);
  });

  it("says which key is missing, and reads with older keys", async () => {
    const keys = join(folder, "keys");
    const older = await createSecretBox(keys);
    const sealed = older.seal("password", "c");
    const first = await readFile(keys, "utf8");
    await rm(keys);
    const other = await createSecretBox(keys);
    assert.throws(
      () => other.open(sealed, "c"),
      (error: LoomError) => error.message.includes(first.slice(0, 16)) && !error.message.includes(first.slice(17, 40)),
    );
    await writeFile(keys, (await readFile(keys, "utf8")) + first);
    assert.equal((await createSecretBox(keys)).open(sealed, "c"), "password");
  });

  it("refuses a damaged key file instead of making a new one", async () => {
    for (const text of ["", "garbage", "0123456789abcdef c2hvcnQ="]) {
      await writeFile(join(folder, "keys"), text);
      await assert.rejects(createSecretBox(join(folder, "keys")), unreadable);
    }
  });

  describe("in the database", () => {
    const db = useDatabase();
    const uid = "00000000-0000-4000-8000-000000000001";

    it("opens the secrets of one cluster", async () => {
      const box = await createSecretBox(join(folder, "keys"));
      const transactor = createTransactor(db.database);
      await transactor.run("prepare", async (tx) => {
        await tx.query(
          `INSERT INTO cluster (shard, id, uid, tenant, owner, display_name, description, state, template, template_version, provider, node_count, services, spec, config, layout, next_node, last_job, created_at, epoch, seq)
           VALUES (8, 1, $1, 't', 'o', 'd', '', 'ACTIVE', 't', 1, 'p', 1, '{}', '{}', '{}', '[]', 1000, 1, now(), 1, 1)`,
          [uid],
        );
        for (const [cluster, path, text] of [
          [1n, "config.b", "two"],
          [1n, "config.a", "one"],
          [2n, "config.a", "other"],
        ] as const) {
          await tx.query("INSERT INTO secret (shard, cluster_id, path, tenant, sealed) VALUES (8, $1, $2, 't', $3)", [
            cluster,
            path,
            box.seal(text, clusterSecretContext(uid, path)),
          ]);
        }
      });
      assert.deepEqual(
        [...(await openClusterSecrets(createReader(transactor), box, 8, 1n))],
        [
          ["config.a", "one"],
          ["config.b", "two"],
        ],
      );
      // Moved to another place, a sealed secret does not open.
      await db.database.pool.query("UPDATE secret SET path = 'config.c' WHERE path = 'config.b'");
      await assert.rejects(openClusterSecrets(createReader(transactor), box, 8, 1n), unreadable);
    });
  });
});
