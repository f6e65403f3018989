import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { ClusterSchema, Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { JobSchema, Job_Kind, Job_State } from "../../gen/web/loom/v1/job_pb.js";
import { addressLines, farmAddress, farmTrouble, foundLines } from "./report.js";

function cluster(state: Cluster_State, job = Job_State.COMPLETE, name = "hello-5d"): Cluster {
  return create(ClusterSchema, {
    name: `clusters/${name}`,
    state,
    job: create(JobSchema, { kind: Job_Kind.CREATE, state: job }),
    links: [{ url: "http://127.0.0.1:8080" }],
  });
}

describe("report of a start", () => {
  it("says what an earlier Loom left", () => {
    assert.deepEqual(foundLines({ clusters: [], more: false, kept: [] }), ["found no clusters"]);
    assert.deepEqual(
      foundLines({
        clusters: [
          cluster(Cluster_State.ACTIVE),
          cluster(Cluster_State.PENDING, Job_State.RUNNING, "r1-1"),
          cluster(Cluster_State.ACTIVE, Job_State.COMPLETE, "a-2"),
          cluster(Cluster_State.ACTIVE, Job_State.COMPLETE, "b-3"),
        ],
        more: false,
        kept: ["documents/service/web"],
      }),
      [
        "found 4 clusters: hello-5d ACTIVE, r1-1 PENDING and 2 more",
        "1 job not ended: create of r1-1",
        "kept 1 catalog document edited here: service web",
      ],
    );
    assert.deepEqual(foundLines({ clusters: [cluster(Cluster_State.ACTIVE)], more: true, kept: [] }), [
      "found more than 1 cluster: hello-5d ACTIVE",
    ]);
  });

  it("names the address of a farm that answers and of no other", () => {
    assert.equal(farmAddress(cluster(Cluster_State.ACTIVE)), "http://127.0.0.1:8080");
    assert.equal(farmAddress(cluster(Cluster_State.INCONSISTENT)), "http://127.0.0.1:8080");
    for (const state of [Cluster_State.PENDING, Cluster_State.INCOMPLETE, Cluster_State.TERMINATED])
      assert.equal(farmAddress(cluster(state)), undefined);
    assert.equal(farmAddress(undefined), undefined);
  });

  it("says what to do about a farm that is not there", () => {
    assert.match(farmTrouble(undefined)!, /There is no first cluster.*bin\/loom create hello/);
    assert.match(farmTrouble(cluster(Cluster_State.TERMINATED))!, /was deleted .*bin\/loom create hello/);
    assert.match(farmTrouble(cluster(Cluster_State.PENDING, Job_State.PAUSED))!, /bin\/loom resume hello-5d/);
    assert.match(farmTrouble(cluster(Cluster_State.PENDING, Job_State.RUNNING))!, /bin\/loom status hello-5d/);
    assert.match(farmTrouble(cluster(Cluster_State.INCOMPLETE))!, /INCOMPLETE.*bin\/loom retry hello-5d/);
    assert.match(farmTrouble(cluster(Cluster_State.INCONSISTENT))!, /INCONSISTENT.*bin\/loom retry hello-5d/);
    assert.equal(farmTrouble(cluster(Cluster_State.ACTIVE)), undefined);
  });

  it("gives addresses on lines of their own", () => {
    const lines = addressLines("http://127.0.0.1:8080", "http://127.0.0.1:7420");
    assert.equal(lines[0], "farm: http://127.0.0.1:8080");
    assert.equal(lines[1], "api: http://127.0.0.1:7420");
    assert.match(lines[2]!, /^loom: bin\/loom status hello +the cluster/);
    assert.ok(lines.every((line) => line.length <= 80));
    assert.equal(addressLines(undefined, "x")[0], "api: x");
  });
});
