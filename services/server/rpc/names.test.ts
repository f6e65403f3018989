import assert from "node:assert/strict";
import fc from "fast-check";
import { LoomError } from "../../common/errors.js";
import { DOCUMENT_KINDS } from "../catalog/types.js";
import {
  clusterPath,
  documentPath,
  jobPath,
  nodePath,
  parseCluster,
  parseClusterOrAll,
  parseDocument,
  parseJob,
  parseJobOrTask,
  parseNode,
  parseTask,
  taskPath,
} from "./names.js";

const cluster = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,39}-[0-9a-z]{1,12}$/);
const number = fc.integer({ min: 1, max: 999_999_999 });
const document = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);

describe("resource names", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(
        cluster,
        number,
        fc.nat({ max: 999_999_999 }),
        fc.constantFrom(...DOCUMENT_KINDS),
        document,
        (name, n, task, kind, id) => {
          assert.equal(parseCluster(clusterPath(name), "name"), name);
          assert.deepEqual(parseNode(nodePath(name, n), "name"), { cluster: name, number: n });
          assert.deepEqual(parseJob(jobPath(name, n), "name"), { cluster: name, job: n });
          assert.deepEqual(parseTask(taskPath(name, n, task), "name"), { cluster: name, job: n, task });
          assert.deepEqual(parseJobOrTask(taskPath(name, n, task), "name"), { cluster: name, job: n, task });
          assert.deepEqual(parseJobOrTask(jobPath(name, n), "name"), { cluster: name, job: n, task: undefined });
          assert.deepEqual(parseDocument(documentPath(kind, id), "name"), { kind, id });
        },
      ),
    );
  });

  it("`clusters/-` stands for all where that makes sense", () => {
    assert.equal(parseClusterOrAll("clusters/-", "parent"), "-");
    assert.throws(() => parseCluster("clusters/-", "name"));
  });

  const WRONG: readonly [(name: string, field: string) => unknown, string][] = [
    [parseCluster, ""],
    [parseCluster, "demo-1s"],
    [parseCluster, "clusters/"],
    [parseCluster, "clusters/demo-1s/"],
    [parseCluster, "clusters/demo-1s\n"],
    [parseCluster, "clusters/../x"],
    [parseCluster, `clusters/a${"b".repeat(70)}`],
    [parseNode, "clusters/demo-1s/nodes/01000"],
    [parseNode, "clusters/demo-1s/nodes/-1"],
    [parseJob, "clusters/demo-1s/jobs/0"],
    [parseJob, "clusters/demo-1s/jobs/1e3"],
    [parseJob, "clusters/demo-1s/jobs/12345678901"],
    [parseTask, "clusters/demo-1s/jobs/1/tasks/00"],
    [parseJobOrTask, "clusters/demo-1s"],
    [parseDocument, "documents/Nothing/web"],
    [parseDocument, "documents/Service/.."],
  ];
  for (const [parse, name] of WRONG) {
    it(`refuses ${JSON.stringify(name).slice(0, 60)}`, () => {
      assert.throws(
        () => parse(name, "parent"),
        (error) =>
          error instanceof LoomError &&
          error.reason === "INVALID_NAME" &&
          error.violations[0]!.field === "parent" &&
          error.message.length < 500,
      );
    });
  }
});
