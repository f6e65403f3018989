/** Texts that are compared with files. UPDATE_GOLDEN=1 writes the files instead. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** @param name of the file in test/golden/cli, without `.txt` */
export function assertGolden(name: string, text: string): void {
  const path = new URL(`../golden/cli/${name}.txt`, import.meta.url).pathname;
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  let expected: string;
  try {
    expected = readFileSync(path, "utf8");
  } catch {
    throw new Error(`${path} is missing. Write it with UPDATE_GOLDEN=1, then read it.`);
  }
  assert.equal(
    text,
    expected,
    `${name} differs from its golden file. Where that is meant: UPDATE_GOLDEN=1, then read the difference.`,
  );
}
