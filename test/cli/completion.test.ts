/** Completion, in the shells themselves where they are there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { DocumentKind, DocumentSchema } from "../../gen/web/loom/v1/catalog_pb.js";
import { completionModel } from "../../cli/completion-model.js";
import { completionScript } from "../../cli/completion-script.js";
import { createProgram } from "../../cli/program.js";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import type { FakeServices } from "./fake-loom.js";
import { activeCluster, cluster, job, nodes } from "./sample.js";
import { runWith, start } from "./use-cli.js";

const services: FakeServices = {
  clusters: {
    listClusters: (request) => ({
      clusters: [
        activeCluster(),
        cluster({ name: "clusters/twice-2", displayName: "twice" }),
        cluster({ name: "clusters/twice-3", displayName: "twice" }),
      ].filter((one) => request.displayName === "" || request.displayName === one.displayName),
    }),
    getCluster: () => activeCluster(),
    listNodes: () => ({ nodes: nodes() }),
  },
  jobs: { listJobs: () => ({ jobs: [job()] }) },
  catalog: {
    listDocuments: (request) => ({
      documents: [
        create(DocumentSchema, { name: "documents/Service/web", id: "web", kind: DocumentKind.SERVICE }),
        create(DocumentSchema, {
          name: "documents/ClusterTemplate/web-farm",
          id: "web-farm",
          kind: DocumentKind.CLUSTER_TEMPLATE,
        }),
      ].filter((one) => request.kind === 0 || request.kind === one.kind),
    }),
  },
};

const lines = async (kind: string, prefix = ""): Promise<string[]> =>
  (await runWith(services, ["__complete", kind, "--", prefix])).out.trimEnd().split("\n");

describe("cli: completion", () => {
  it("knows clusters, display names that only one has, and parts of clusters", async () => {
    assert.deepEqual(await lines("cluster"), ["hello", "hello-1", "twice-2", "twice-3"]);
    assert.deepEqual(await lines("cluster", "tw"), ["twice-2", "twice-3"]);
    assert.deepEqual(await lines("cluster", "clusters/h"), ["clusters/hello-1"]);
    assert.deepEqual(await lines("cluster", "hello/nodes/100"), [
      "hello/nodes/1000",
      "hello/nodes/1001",
      "hello/nodes/1002",
      "hello/nodes/1003",
    ]);
    assert.deepEqual(await lines("cluster", "hello-1/j"), ["hello-1/jobs/1"]);
  });

  it("knows documents, templates and services", async () => {
    assert.deepEqual(await lines("document", "Ser"), ["Service/web"]);
    assert.deepEqual(await lines("template"), ["web-farm"]);
    assert.deepEqual(await lines("service"), ["web"]);
  });

  it("keeps quiet where Loom cannot be asked", async () => {
    assert.deepEqual(await start(["__complete", "cluster"], { env: { LOOM_URL: "http://127.0.0.1:1" } }).ended, {
      exit: 0,
      out: "",
      err: "",
    });
    assert.deepEqual(await start(["__complete", "cluster"]).ended, { exit: 0, out: "", err: "" });
  });

  const model = completionModel(createProgram(() => undefined));

  for (const shell of ["bash", "zsh", "fish"] as const) {
    it(`the script for ${shell} is one for ${shell}`, function () {
      const script = completionScript(shell, model);
      assert.ok(!script.includes("__complete '"), "hidden commands stay hidden");
      if (spawnSync(shell, ["--version"]).error !== undefined) return skipBecause(this, `${shell} is not installed`);
      const folder = mkdtempSync(join(tmpdir(), "loom-completion-"));
      try {
        // From a file: fish reads no script from a socket.
        writeFileSync(join(folder, "script"), script);
        const checked = spawnSync(shell, ["-n", join(folder, "script")], { encoding: "utf8" });
        assert.equal(checked.status, 0, checked.stderr);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  describe("in bash", () => {
    let folder: string;
    before(function () {
      if (spawnSync("bash", ["--version"]).error !== undefined) skipBecause(this, "bash is not installed");
      folder = mkdtempSync(join(tmpdir(), "loom-completion-"));
      writeFileSync(join(folder, "script"), completionScript("bash", model));
      // Answers with what it was asked, so that the test sees the question.
      writeFileSync(join(folder, "loom"), '#!/bin/sh\necho "asked-$2"\n');
      chmodSync(join(folder, "loom"), 0o755);
    });
    after(() => folder !== undefined && rmSync(folder, { recursive: true }));

    /** What bash offers for the last word. */
    const complete = (...words: string[]): string[] => {
      const program = `. ${folder}/script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _loom; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const ran = spawnSync("bash", ["--norc", "--noprofile", "-c", program, "bash", ...words], {
        encoding: "utf8",
        env: { PATH: `${folder}:/usr/bin:/bin` },
      });
      assert.equal(ran.stderr, "");
      return ran.stdout.trimEnd().split("\n");
    };

    it("offers commands, and commands below commands", () => {
      assert.deepEqual(complete("loom", "ret"), ["retry", "retry-task"]);
      assert.deepEqual(complete("loom", "-o", "json", "stat"), ["status"]);
      assert.deepEqual(complete("loom", "catalog", "e"), ["export"]);
      assert.deepEqual(complete("loom", "context", ""), ["list", "use", "remove"]);
    });

    it("offers the flags of the command, and values of flags", () => {
      assert.deepEqual(complete("loom", "nodes", "hello", "--a"), ["--all"]);
      assert.deepEqual(complete("loom", "list", "-o", "js"), ["json", "jsonl"]);
      assert.deepEqual(complete("loom", "list", "--state", "in"), ["incomplete", "inconsistent"]);
      assert.deepEqual(complete("loom", "--color", ""), ["auto", "always", "never"]);
    });

    it("asks Loom for names", () => {
      assert.deepEqual(complete("loom", "status", "--watch", ""), ["asked-cluster"]);
      assert.deepEqual(complete("loom", "create", "x", "--template", ""), ["asked-template"]);
      assert.deepEqual(complete("loom", "add-nodes", "hello", ""), ["asked-service"]);
      assert.deepEqual(complete("loom", "catalog", "get", "as"), ["asked-document"]);
      assert.deepEqual(complete("loom", "context", "use", ""), ["asked-context"]);
    });
  });
});
