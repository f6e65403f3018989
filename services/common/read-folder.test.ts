import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFolder } from "./read-folder.js";

describe("readFolder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-read-folder-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("reads catalog files at every depth in order and nothing else", async () => {
    for (const name of ["b", "b/deep", ".git", "node_modules"]) await mkdir(join(folder, name));
    for (const name of [
      "z.yaml",
      "b/a.yml",
      "b/deep/c.JSON",
      ".git/x.yaml",
      ".hidden.yaml",
      "node_modules/y.yaml",
      "readme.md",
    ]) {
      await writeFile(join(folder, name), `text of ${name}`);
    }
    const files = await readFolder(folder);
    assert.deepEqual(
      files.map((file) => file.path),
      ["b/a.yml", "b/deep/c.JSON", "z.yaml"].map((name) => join(folder, name)),
    );
    assert.equal(files[0]!.text, "text of b/a.yml");
  });

  it("follows links and reads no folder twice", async () => {
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real/a.yaml"), "a");
    await symlink("..", join(folder, "real/up"));
    await symlink("real/a.yaml", join(folder, "b.yaml"));
    assert.deepEqual(
      (await readFolder(folder)).map((file) => file.path),
      [join(folder, "b.yaml"), join(folder, "real/a.yaml")],
    );
  });

  it("reads a single file of any name", async () => {
    await writeFile(join(folder, "template"), "kind: Service");
    assert.deepEqual(await readFolder(join(folder, "template")), [
      { path: join(folder, "template"), text: "kind: Service" },
    ]);
  });

  it("says what it cannot read", async () => {
    const missing = join(folder, "nothing");
    await assert.rejects(readFolder(missing), { reason: "INVALID_CATALOG", message: `"${missing}" does not exist.` });
    await symlink("nowhere", join(folder, "broken.yaml"));
    await assert.rejects(readFolder(folder), {
      reason: "INVALID_CATALOG",
      message: `"${join(folder, "broken.yaml")}" does not exist.`,
    });
    await rm(join(folder, "broken.yaml"));
    await writeFile(join(folder, "latin.yaml"), Buffer.from([0x61, 0xe4, 0x62]));
    await assert.rejects(readFolder(folder), { reason: "INVALID_CATALOG", message: /latin\.yaml" is not UTF-8 text/ });
  });
});
