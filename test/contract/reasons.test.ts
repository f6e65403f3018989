/** The reference lists every reason with its code. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { REASONS } from "../../services/common/errors.js";

describe("docs/reference/api.md", () => {
  it("lists every reason with its code, what happened and what to do, in the order of the code", () => {
    const text = readFileSync("docs/reference/api.md", "utf8");
    const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \| (.+) \| (.+) \|$/gm)];
    assert.deepEqual(
      rows.map(([, reason, code]) => [reason, code]),
      Object.entries(REASONS),
    );
    for (const [, reason, , happened, advice] of rows)
      assert.ok(happened!.endsWith(".") && advice!.endsWith("."), reason);
  });
});
