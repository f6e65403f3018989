import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { loadCatalog } from "../../services/server/catalog/load.js";
import { formatProblem } from "../../services/server/catalog/problems.js";
import { resolveTemplate } from "../../services/server/catalog/resolve.js";
import { SCHEMA } from "../../services/server/catalog/schema.js";
import type { FieldType } from "../../services/server/catalog/schema.js";
import { DOCUMENT_KINDS } from "../../services/server/catalog/types.js";

const page = readFileSync(new URL("../../docs/reference/catalog.md", import.meta.url), "utf8");

/** Names of all fields of a shape, at every depth. */
function fieldNames(type: FieldType): string[] {
  if (type.type === "list" || type.type === "map") return fieldNames(type.of);
  if (type.type !== "record") return [];
  return Object.entries(type.fields).flatMap(([name, inner]) => [name, ...fieldNames(inner)]);
}

describe("docs/reference/catalog.md", () => {
  it("has an example of every kind without a problem", () => {
    const example = /```yaml\n([^]*?)```/.exec(page)![1]!;
    const { documents, catalog, problems } = loadCatalog([{ path: "example.yaml", text: example }], {
      unknown: "error",
      types: [
        { kind: "PROVIDER", type: "docker", fields: [] },
        {
          kind: "AUTOMATOR",
          type: "shell",
          fields: [
            { name: "script", type: "string", required: true },
            { name: "env", type: "object" },
          ],
        },
      ],
    });
    assert.deepEqual(problems.map(formatProblem), []);
    assert.deepEqual(new Set(documents.map((one) => one.document.kind)), new Set(DOCUMENT_KINDS));
    assert.deepEqual(resolveTemplate(catalog, "farm").defaults?.config, {
      web: { footer: "Example Inc.", color: "blue" },
    });
  });

  for (const kind of DOCUMENT_KINDS) {
    it(`names every field of ${kind}`, () => {
      const missing = fieldNames(SCHEMA[kind]).filter(
        (name) => !new RegExp(`\`[^\`\n]*\\b${name}\\b[^\`\n]*\``).test(page),
      );
      assert.deepEqual(missing, []);
    });
  }
});
