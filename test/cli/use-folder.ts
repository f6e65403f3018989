/** Suites whose commands write files: each test is in a new folder, as a person who types is. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Call it in a `describe`. */
export function useFolder(): void {
  const before = process.cwd();
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-folder-"));
    process.chdir(folder);
  });
  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
}

/** Replaces a text in a file, and fails where it is not there. */
export function edit(path: string, before: string, after: string): void {
  const text = readFileSync(path, "utf8");
  assert.ok(text.includes(before), `"${before}" is not in ${path}`);
  writeFileSync(path, text.replace(before, after));
}
