import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { defaultDataFolder, folderError, prepareDataFolder } from "./data-folder.js";

describe("data folder", () => {
  it("is $LOOM_DATA, else /var/lib/loom of root, else a folder of the user's", () => {
    assert.equal(defaultDataFolder({ LOOM_DATA: "/data/../here" }, 0), "/here");
    assert.equal(defaultDataFolder({ XDG_DATA_HOME: "/x" }, 0), "/var/lib/loom");
    assert.equal(defaultDataFolder({ XDG_DATA_HOME: "/x" }, 1000), "/x/loom");
    assert.equal(defaultDataFolder({}, 1000), join(homedir(), ".local/share/loom"));
  });

  it("has a reason and advice for what can go wrong with it", () => {
    const reasons = {
      ENOSPC: "DISK_FULL",
      EDQUOT: "DISK_FULL",
      EROFS: "FOLDER_UNUSABLE",
      EACCES: "FOLDER_UNUSABLE",
      ENOTDIR: "FOLDER_UNUSABLE",
      EIO: "FOLDER_UNUSABLE",
    };
    for (const [code, reason] of Object.entries(reasons)) {
      const error = folderError("/data", Object.assign(new Error(code), { code }));
      assert.equal(error.reason, reason);
      assert.match(error.message, /\/data.*(Make|Run|Name|Look)/s);
    }
  });

  it("is made with those above it, and found again", async () => {
    const base = mkdtempSync(join(tmpdir(), "loom-folder-"));
    try {
      for (let times = 0; times < 2; times += 1) await prepareDataFolder(join(base, "a", "b"), 1000);
      assert.equal(statSync(join(base, "a", "b")).mode & 0o777, 0o700);
    } finally {
      rmSync(base, { recursive: true });
    }
  });

  it("is refused where the file system takes no folders", async () => {
    await assert.rejects(prepareDataFolder("/proc/loom/data"), { reason: "FOLDER_UNUSABLE" });
  });
});
