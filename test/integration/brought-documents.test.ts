/** Documents that a request for a cluster brings along: they count for that cluster, and for nothing else. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { CreateCluster } from "../../services/server/application.js";
import { decodeBody } from "../../services/server/records/codec.js";
import type { ClusterSpec, OpAccepted } from "../../services/server/records/types.js";
import { small } from "../chaos/operations.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";

const PATH = "mine/greeter.yaml";
const DOCUMENTS = `kind: Service
name: greeter
config: { greeting: Hello }
actions:
  install: { fields: { script: "true" } }
  start: { fields: { script: "true" } }
---
kind: Service
name: back
description: Not the one of the catalog.
actions:
  start: { fields: { script: "true" } }
---
kind: ClusterTemplate
name: greeters
defaults: { services: [greeter, back], provider: simulated }
check: { service: greeter, fields: { script: "true" } }
`;

describe("documents that a request brings along", function () {
  this.timeout(60_000);
  const loom = useLoom();

  const asked = (name: string, text = DOCUMENTS, requestId: string = randomUUID()): CreateCluster => ({
    ...small(name, requestId, 1),
    template: "greeters",
    documents: [{ path: PATH, text }],
  });
  const create = (request: CreateCluster) => loom.application.clusters.create(CALLER, request);
  /** Every document of the catalog with its version, for comparison. */
  async function catalog(): Promise<string[]> {
    const { items } = await loom.application.catalog.list(CALLER, { kind: undefined, pageSize: 1000, pageToken: "" });
    return items.map(({ kind, id, version, etag }) => `${kind}/${id} ${version} ${etag}`);
  }
  async function acceptedRequest(): Promise<{ documents: unknown; spec: ClusterSpec }> {
    const { rows } = await loom.database.pool.query<{ format: number; payload: Buffer }>(
      "SELECT format, payload FROM log_record WHERE kind = 'OpAccepted' ORDER BY at DESC, seq DESC LIMIT 1",
    );
    const { request, create: made } = decodeBody(rows[0]!.payload, rows[0]!.format) as OpAccepted;
    return { documents: request["documents"], spec: made!.spec };
  }

  it("make the cluster and leave the catalog as it was", async () => {
    const before = await catalog();
    const { name, templateVersion, services } = await create(asked("brought"));
    assert.equal(templateVersion, 0);
    assert.deepEqual(services, ["back", "greeter"]);
    assert.equal((await loom.ended(name, 1)).state, "COMPLETE");
    assert.deepEqual(await catalog(), before);
    await assert.rejects(loom.application.catalog.get(CALLER, "ClusterTemplate", "greeters", 0), {
      reason: "DOCUMENT_NOT_FOUND",
    });
    await assert.rejects(create({ ...small("plain", randomUUID(), 1), template: "greeters" }), {
      reason: "TEMPLATE_NOT_FOUND",
    });
    // What comes after goes by what was pinned.
    const added = await loom.application.clusters.addNodes(CALLER, name, "greeter", 1, mutation());
    assert.equal((await loom.ended(name, added.number)).state, "COMPLETE");
  });

  it("are pinned with the bodies that they have; texts do not stand in the record", async () => {
    await loom.ended((await create(asked("pinned"))).name, 1);
    const { documents, spec } = await acceptedRequest();
    assert.deepEqual(documents, ["Service/greeter", "Service/back", "ClusterTemplate/greeters"]);
    assert.deepEqual(
      Object.entries(spec.services).map(([name, { version, body }]) => [name, version, body.description ?? ""]),
      [
        ["back", 0, "Not the one of the catalog."],
        ["greeter", 0, ""],
      ],
    );
  });

  it("keep the version of the catalog where they say the same", async () => {
    const same = `${DOCUMENTS.slice(0, DOCUMENTS.indexOf("---"))}---
kind: Service
name: back
actions:
  install: { type: shell, fields: { script: "true" } }
  start: { type: shell, fields: { script: "true" } }
  remove: { type: shell, fields: { script: "true" } }
${DOCUMENTS.slice(DOCUMENTS.lastIndexOf("---"))}`;
    await loom.ended((await create(asked("same", same))).name, 1);
    const { spec } = await acceptedRequest();
    assert.deepEqual([spec.services["back"]!.version, spec.services["greeter"]!.version], [1, 0]);
  });

  it("are refused as a whole, with file and line, where one has an error", async () => {
    const before = await catalog();
    const wrong = DOCUMENTS.replace("services: [greeter, back]", "services: [greter, back]");
    await assert.rejects(
      create(asked("wrong", wrong)),
      (thrown: Error & { reason: string; violations: { field: string }[] }) => {
        assert.equal(thrown.reason, "INVALID_CATALOG");
        assert.match(
          thrown.message,
          /No cluster was made, because of 2 errors:\nmine\/greeter\.yaml:16:24: error: .*Did you mean "greeter"\?/s,
        );
        assert.deepEqual(
          thrown.violations.map(({ field }) => field),
          [`${PATH}:16:defaults.services[0]`, `${PATH}:17:check.service`],
        );
        return true;
      },
    );
    const unknown = DOCUMENTS.replace('script: "true" } }\n---', 'script: "true" }, type: puppet }\n---');
    await assert.rejects(create(asked("unknown", unknown)), { reason: "INVALID_CATALOG", message: /puppet/ });
    assert.deepEqual(await catalog(), before);
    const { items } = await loom.application.clusters.list(CALLER, {
      pageSize: 100,
      pageToken: "",
      states: [],
      displayName: "wrong",
      template: "",
    });
    assert.deepEqual(items, []);
  });

  it("are a part of what makes two requests the same", async () => {
    const requestId = randomUUID();
    const first = await create(asked("twice", DOCUMENTS, requestId));
    assert.equal((await create(asked("twice", DOCUMENTS, requestId))).name, first.name);
    await assert.rejects(create(asked("twice", DOCUMENTS.replace("Hello", "Ahoy"), requestId)), {
      reason: "REQUEST_ID_REUSED",
    });
    await loom.ended(first.name, 1);
  });

  it("can be planned and nothing made", async () => {
    const { plan } = await create({ ...asked("dry"), validateOnly: true });
    assert.deepEqual(plan!.nodes[0]!.services, ["back", "greeter"]);
  });
});
