import assert from "node:assert/strict";
import { Document } from "../../../../gen/services/loom/v1/catalog.js";
import { DOCUMENT } from "../../../../test/contract/memory-application.js";
import { DOCUMENT_KINDS } from "../../catalog/types.js";
import type { DocumentView } from "../../views.js";
import { documentToWire } from "./catalog.js";

/** As a client gets it: through bytes. */
const received = (document: DocumentView): Document =>
  Document.decode(Document.encode(documentToWire(document)).finish());

describe("documents on the wire", () => {
  it("tell a zero from nothing said, keep lists of lists and the values of configuration", () => {
    const { body } = received(DOCUMENT);
    assert.equal(body?.$case, "clusterTemplate");
    const { constraints, defaults } = body.value;
    assert.equal(constraints?.services["web"]?.min, 0);
    assert.equal(constraints.services["web"].max, undefined);
    assert.deepEqual([constraints.services["lb"]?.min, constraints.services["lb"]?.max], [1, 1]);
    assert.deepEqual([constraints.size?.min, constraints.size?.max], [2, undefined]);
    assert.deepEqual(constraints.layout, { mustCoexist: [["a", "b"]], cantCoexist: [["lb", "web"], []] });
    assert.deepEqual(defaults?.config, { web: { zero: 0, no: false, text: "", list: [0, "", null] } });
  });

  it("of every kind have their own body", () => {
    const bodies = new Set<string>();
    for (const kind of DOCUMENT_KINDS) {
      const document = { ...DOCUMENT, kind, body: { description: kind, type: "x" } } as DocumentView;
      const { name, description, body } = received(document);
      assert.equal(name, `documents/${kind}/web-farm`);
      assert.equal(description, kind);
      assert.equal(body?.value.description, kind);
      bodies.add(body.$case);
    }
    assert.equal(bodies.size, DOCUMENT_KINDS.length);
  });

  it("that were deleted have none", () => {
    const { deleted, body } = received({ ...DOCUMENT, deleted: true });
    assert.deepEqual([deleted, body], [true, undefined]);
  });
});
