import assert from "node:assert/strict";
import { CliError } from "./exit.js";
import { clusterPart, lastPart, parseDocumentName, parseKind, parseReference } from "./names.js";

const isBadInput = (thrown: unknown): boolean => thrown instanceof CliError && thrown.exit === 2;

describe("cli: names", () => {
  it("reads references to clusters, jobs, tasks and nodes", () => {
    assert.deepEqual(parseReference("hello"), { cluster: "hello", exact: false });
    assert.deepEqual(parseReference("clusters/hello-1a"), { cluster: "hello-1a", exact: true });
    assert.deepEqual(parseReference("hello-1a/jobs/7"), { cluster: "hello-1a", exact: false, job: 7 });
    assert.deepEqual(parseReference("hello-1a/jobs/7/tasks/0"), { cluster: "hello-1a", exact: false, job: 7, task: 0 });
    assert.deepEqual(parseReference("clusters/hello-1a/nodes/1000"), { cluster: "hello-1a", exact: true, node: 1000 });
  });

  it("refuses what names nothing", () => {
    for (const text of [
      "",
      "/",
      "clusters/",
      "a/",
      "a/b",
      "a/jobs",
      "a/jobs/x",
      "a/jobs/1/tasks",
      "a/nodes/-1",
      "a/nodes/1/jobs/1",
      "clusters/clusters/a",
    ]) {
      assert.throws(() => parseReference(text), isBadInput, text);
    }
  });

  it("reads names of documents", () => {
    assert.deepEqual(parseDocumentName("service/web"), { kind: "Service", id: "web", name: "documents/Service/web" });
    assert.deepEqual(parseDocumentName("documents/ClusterTemplate/web-farm"), {
      kind: "ClusterTemplate",
      id: "web-farm",
      name: "documents/ClusterTemplate/web-farm",
    });
    for (const text of ["web", "service/", "service/a/b", "servant/web"])
      assert.throws(() => parseDocumentName(text), isBadInput, text);
  });

  it("knows kinds by what people call them", () => {
    const kinds = ["templates", "Services", "hardware", "image-type", "PartialTemplate", "provider"].map(parseKind);
    assert.deepEqual(kinds, ["ClusterTemplate", "Service", "HardwareType", "ImageType", "PartialTemplate", "Provider"]);
  });

  it("takes names apart", () => {
    assert.equal(lastPart("clusters/a-1/jobs/3"), "3");
    assert.equal(clusterPart("clusters/a-1/jobs/3"), "a-1");
  });
});
