/** Which cluster is meant, and being sure before it is deleted. */
import assert from "node:assert/strict";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { activeCluster, cluster, job } from "./sample.js";
import { runWith } from "./use-cli.js";

describe("cli: delete", () => {
  let deleted = 0;
  const services: FakeServices = {
    clusters: {
      listClusters: () => ({ clusters: [activeCluster()] }),
      deleteCluster: () => (deleted++, job({ state: Job_State.QUEUED })),
    },
  };
  beforeEach(() => (deleted = 0));

  it("refuses without --yes where nobody can be asked", async () => {
    const { exit, err } = await runWith(services, ["delete", "hello"]);
    assert.equal(exit, 2);
    assert.match(err, /--yes/);
    assert.equal(deleted, 0);
  });

  it("asks for the name on a terminal", async () => {
    assert.equal((await runWith(services, ["delete", "hello"], { tty: true, input: "hello\r" })).exit, 0);
    assert.equal(deleted, 1);
    for (const input of ["y\r", "hell\r", "\u0003", undefined]) {
      const { exit } = await runWith(services, ["delete", "hello"], {
        tty: true,
        ...(input === undefined ? {} : { input }),
      });
      assert.equal(exit, 2);
    }
    assert.equal(deleted, 1);
  });

  it("does not ask with --yes, nor for a dry run", async () => {
    assert.equal((await runWith(services, ["delete", "hello", "--yes"])).exit, 0);
    assert.equal((await runWith(services, ["delete", "hello", "--dry-run"])).exit, 0);
    assert.equal(deleted, 2);
  });
});

describe("cli: names of clusters", () => {
  const twice: FakeServices = {
    clusters: {
      listClusters: (request) => ({
        clusters: [cluster(), cluster({ name: "clusters/hello-2b", state: Cluster_State.ACTIVE })].filter(
          (one) => request.displayName === "" || request.displayName === one.displayName,
        ),
      }),
      getCluster: (request) => {
        if (request.name === "clusters/hello-2b") return cluster({ name: request.name });
        throw refusal("CLUSTER_NOT_FOUND", "There is none.");
      },
      listNodes: () => ({ nodes: [] }),
    },
  };

  it("lists the candidates where a display name is not the only one", async () => {
    const { exit, err } = await runWith(twice, ["nodes", "hello"]);
    assert.equal(exit, 2);
    assert.match(err, /either of two clusters/);
    assert.match(err, /clusters\/hello-1 {2}PENDING/);
    assert.match(err, /clusters\/hello-2b {2}ACTIVE/);
  });

  it("takes the name with its id, with and without clusters/", async () => {
    for (const name of ["hello-2b", "clusters/hello-2b"]) assert.equal((await runWith(twice, ["nodes", name])).exit, 0);
  });

  it("says what may have been meant", async () => {
    const { exit, err } = await runWith(twice, ["nodes", "helo"]);
    assert.equal(exit, 2);
    assert.match(err, /No live cluster is called "helo"\. Did you mean "hello"\?/);
  });
});
