import assert from "node:assert/strict";
import fc from "fast-check";
import { catalogDocument, catalogDocuments } from "../../../test/arbitraries/catalog.js";
import { canonicalBody } from "./canonical.js";
import { exportDocument, exportDocuments } from "./export.js";
import { parseCatalog } from "./parse.js";
import type { CatalogDocument } from "./types.js";

describe("exportDocument", () => {
  it("writes what reads back as the same document", () => {
    fc.assert(
      fc.property(catalogDocument(), (document) => {
        const { documents, problems } = parseCatalog([{ path: "x.yaml", text: exportDocument(document) }]);
        assert.deepEqual(
          problems.filter((problem) => problem.severity === "error"),
          [],
        );
        assert.deepEqual(
          documents.map((parsed) => parsed.document),
          [document],
        );
      }),
    );
  });

  it("writes what reads back from JSON too", () => {
    fc.assert(
      fc.property(catalogDocuments(), (documents) => {
        const text = JSON.stringify(
          documents.map(({ kind, name, body }) => ({ kind, name, ...body })),
          undefined,
          "\t",
        );
        const parsed = parseCatalog([{ path: "x.json", text }]);
        assert.deepEqual(
          parsed.problems.filter((problem) => problem.severity === "error"),
          [],
        );
        assert.deepEqual(
          parsed.documents.map((one) => one.document),
          documents,
        );
      }),
    );
  });

  it("writes several documents as one file", () => {
    fc.assert(
      fc.property(catalogDocuments(), (documents) => {
        const parsed = parseCatalog([{ path: "x.yaml", text: exportDocuments(documents) }]);
        assert.deepEqual(
          parsed.documents.map((one) => [one.document.name, canonicalBody(one.document)]),
          documents.map((one) => [one.name, canonicalBody(one)]),
        );
      }),
    );
  });

  it("keeps the spaces of every line", () => {
    for (const description of [
      " \n",
      "a\n \nb",
      "\n",
      "a \n",
      "  a\n b",
      "a\n\n\n",
      "a\tb\n\t",
      "a\r\nb",
      "a\u2028b\nc",
      "\ta\n",
    ]) {
      const text = exportDocument({ kind: "Service", name: "web", body: { description } });
      assert.deepEqual(parseCatalog([{ path: "x", text }]).documents[0]!.document.body, { description }, text);
    }
  });

  it("orders fields as the reference does and writes scripts as blocks", () => {
    const document: CatalogDocument = {
      kind: "Service",
      name: "web",
      body: {
        config: { port: 80, enabled: "yes" },
        actions: { start: { fields: { script: "set -e\nnginx\n" } } },
        provides: [],
        description: "A web server.",
      },
    };
    assert.equal(
      exportDocument(document),
      `kind: Service
name: web
description: A web server.
actions:
  start:
    fields:
      script: |
        set -e
        nginx
config:
  port: 80
  enabled: "yes"
`,
    );
  });
});
