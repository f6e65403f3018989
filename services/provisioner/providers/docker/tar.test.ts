import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archive } from "./tar.js";

describe("docker tar", () => {
  it("makes an archive that tar unpacks with contents and modes", () => {
    const folder = mkdtempSync(join(tmpdir(), "loom-tar-"));
    try {
      const files = [
        { path: "/opt/loom/run", mode: 0o755, content: "#!/bin/sh\necho grüße\n" },
        { path: "/opt/loom/empty", mode: 0o600, content: "" },
        { path: "/opt/loom/block", mode: 0o644, content: "x".repeat(512) },
      ];
      execFileSync("tar", ["-x", "-C", folder], { input: archive(files, [{ path: "/opt/loom", mode: 0o750 }]) });
      for (const file of files) {
        assert.equal(readFileSync(join(folder, file.path), "utf8"), file.content);
        assert.equal(statSync(join(folder, file.path)).mode & 0o777, file.mode);
      }
      assert.equal(statSync(join(folder, "opt/loom")).mode & 0o777, 0o750);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
