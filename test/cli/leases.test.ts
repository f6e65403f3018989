/** Leases and quotas: what the commands send, say and print. */
import assert from "node:assert/strict";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ChangeLeaseRequest, CreateClusterRequest } from "../../gen/web/loom/v1/cluster_pb.js";
import type { SetQuotaRequest } from "../../gen/web/loom/v1/system_pb.js";
import { leaseSeconds, timeOf } from "../../cli/lease-flags.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { activeCluster } from "./sample.js";
import { runWith } from "./use-cli.js";

describe("cli: leases as they are typed", () => {
  it("are durations, or forever", () => {
    assert.equal(leaseSeconds("8h", "--lease"), 28_800);
    assert.equal(leaseSeconds(" 1D12H ", "--lease"), 129_600);
    for (const text of ["forever", "never", "0"]) assert.equal(leaseSeconds(text, "--lease"), 0);
    for (const bad of ["", "8", "1.5h", "0h", "eternity", "4000d"])
      assert.throws(() => leaseSeconds(bad, "--lease"), { message: `--lease ${bad} is not a duration.` });
  });

  it("end at times, in UTC where no zone is named", () => {
    const six = Date.UTC(2026, 2, 1, 18);
    for (const text of [
      "2026-03-01 18:00",
      "2026-03-01T18:00:00Z",
      "2026-03-01T19:00+01:00",
      "2026-03-01 18:00:00 UTC",
    ])
      assert.equal(timeOf(text, "--until"), six, text);
    assert.equal(timeOf("2026-03-01", "--until"), Date.UTC(2026, 2, 1));
    for (const bad of ["", "tomorrow", "18:00", "2026-13-01", "2026-02-30", "2026-03-01 25:00", "01.03.2026"])
      assert.throws(() => timeOf(bad, "--until"), { message: `--until ${bad} is not a time.` });
  });
});

describe("cli: leases", () => {
  const requests: ChangeLeaseRequest[] = [];
  const services: FakeServices = {
    clusters: {
      listClusters: () => ({ clusters: [activeCluster()] }),
      getCluster: () => activeCluster(),
      changeLease: (request) => (requests.push(request), activeCluster()),
    },
  };

  it("create asks for one", async () => {
    const sent: CreateClusterRequest[] = [];
    const making: FakeServices = { clusters: { createCluster: (request) => (sent.push(request), activeCluster()) } };
    const create = ["create", "hello", "-t", "web-farm", "-n", "4"];
    for (const lease of [[], ["--lease", "8h"], ["--lease", "forever"]])
      assert.equal((await runWith(making, [...create, ...lease])).exit, 0);
    assert.deepEqual(
      sent.map((request) => request.leaseSeconds),
      [undefined, 28_800, 0],
    );
    const { exit, err } = await runWith(making, [...create, "--lease", "long"]);
    assert.equal(exit, 2);
    assert.match(err, /--lease long is not a duration/);
    assert.equal(sent.length, 3);
  });

  it("extend sends what was asked for, and says the new end", async () => {
    requests.length = 0;
    const { exit, out, err } = await runWith(services, ["extend", "hello", "8h"]);
    assert.equal(exit, 0, err);
    assert.match(err, /The lease ends: 2026-01-10 19:30:00Z/);
    assert.match(out, /EXPIRES/);
    assert.match(out, /in 7h/);
    await runWith(services, ["extend", "hello", "--until", "2026-03-01 18:00", "--dry-run"]);
    await runWith(services, ["extend", "hello", "--forever"]);
    assert.deepEqual(
      requests.map(({ change, validateOnly }) => [
        change.case,
        change.case === "expireTime" ? timestampDate(change.value).toISOString() : change.value,
        validateOnly,
      ]),
      [
        ["extendSeconds", 28_800, false],
        ["expireTime", "2026-03-01T18:00:00.000Z", true],
        ["forever", true, false],
      ],
    );
  });

  it("extend wants one end, and sends nothing otherwise", async () => {
    requests.length = 0;
    for (const argv of [[], ["8h", "--forever"], ["--until", "2026-03-01", "--forever"], ["soon"]]) {
      const { exit, err } = await runWith(services, ["extend", "hello", ...argv]);
      assert.equal(exit, 2);
      assert.match(err, /not said until when|said more than once|not a duration/);
    }
    assert.deepEqual(requests, []);
  });

  it("what the rules refuse is told with exit code 2", async () => {
    const refusing: FakeServices = {
      clusters: {
        ...services.clusters,
        changeLease: () => {
          throw refusal("INVALID_LEASE", "A lease of this template may be extended by at most 1d at once.");
        },
      },
    };
    const { exit, err } = await runWith(refusing, ["extend", "hello", "9d"]);
    assert.equal(exit, 2);
    assert.match(err, /at most 1d at once/);
  });
});

describe("cli: quotas", () => {
  const sent: SetQuotaRequest[] = [];
  const quota = { tenant: "default", datacenter: "local", maxNodes: 10, usedClusters: 3, usedNodes: 8, etag: "1-4" };
  const services: FakeServices = {
    system: {
      getQuota: () => quota,
      setQuota: (request) => {
        sent.push(request);
        const { maxClusters, maxNodes } = request;
        return {
          ...quota,
          maxNodes: undefined as never,
          ...(maxClusters === undefined ? {} : { maxClusters }),
          ...(maxNodes === undefined ? {} : { maxNodes }),
          etag: "1-5",
        };
      },
    },
  };

  it("are shown with what is used", async () => {
    const { exit, out } = await runWith(services, ["quota"]);
    assert.equal(exit, 0);
    assert.equal(out, "TENANT   DATACENTER  CLUSTERS     NODES\ndefault  local       3, no limit  8 of 10\n");
    const json = JSON.parse((await runWith(services, ["quota", "show", "-o", "json"])).out) as Record<string, unknown>;
    assert.deepEqual([json["maxNodes"], json["usedNodes"], json["maxClusters"]], [10, 8, undefined]);
  });

  it("are set one by one, and what is not given stays", async () => {
    sent.length = 0;
    await runWith(services, ["quota", "set", "--clusters", "5"]);
    await runWith(services, ["quota", "set", "--nodes", "unlimited", "--dry-run"]);
    const { err, out } = await runWith(services, ["quota", "set", "--nodes", "4", "--clusters", "0"]);
    assert.match(err, /More is in use than that\. It stays/);
    assert.match(out, /3 of 0 +8 of 4/);
    assert.deepEqual(
      sent.map(({ maxClusters, maxNodes, validateOnly }) => [maxClusters, maxNodes, validateOnly]),
      [
        [5, 10, false],
        [undefined, undefined, true],
        [0, 4, false],
      ],
    );
    for (const argv of [[], ["--nodes", "-1"], ["--nodes", "many"], ["--clusters", "1.5"]])
      assert.equal((await runWith(services, ["quota", "set", ...argv])).exit, 2);
    assert.equal(sent.length, 3);
  });
});
