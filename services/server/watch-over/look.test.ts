import assert from "node:assert/strict";
import { LoomError } from "../../common/errors.js";
import { machineToken } from "../../common/ids.js";
import type { Known, ObservationStore, WatchedCluster } from "../store/observations.js";
import type { ObservedMachine } from "../workers/types.js";
import type { Finding } from "./judge.js";
import { lookAt } from "./look.js";

const CLUSTER: WatchedCluster = {
  shard: 1,
  id: 7n,
  job: 3,
  jobSeq: 40n,
  uid: "0190a000-0000-7000-8000-000000000001",
  tenant: "default",
  displayName: "demo",
};
const NODES = [1000, 1001, 1002];
const token = (node: number): string => machineToken(CLUSTER.uid, node, 1);

/** Answers of a provider, one after the other; `!` is a machine that is off, `?m1000` one that does not answer, absent is none, undefined no answer. */
async function look(known: Partial<Known> | undefined, ...answers: (string | undefined)[]) {
  const store = {
    nodes: async (clusters: readonly WatchedCluster[]) =>
      new Map(
        clusters.map((cluster) => [
          cluster,
          NODES.map((number) => ({ number, incarnation: 1, machine: `m${number}` })),
        ]),
      ),
    known: async (clusters: readonly WatchedCluster[]) =>
      new Map(
        known === undefined
          ? []
          : clusters.map((cluster): [WatchedCluster, Known] => [
              cluster,
              {
                job: 3,
                jobSeq: 40n,
                isKnown: true,
                message: "",
                findings: new Map<number, Finding>(),
                hasStale: false,
                ...known,
              },
            ]),
      ),
  } as unknown as ObservationStore;
  const left = [...answers];
  const result = await lookAt(
    {
      store,
      confirmMs: 1,
      async inventory() {
        assert.ok(left.length > 0, "the provider was asked too often");
        const answer = left.shift();
        if (answer === undefined) throw new LoomError("PROVIDER_UNREACHABLE", "It is off.");
        return answer
          .split(" ")
          .filter((word) => word !== "")
          .map((word): ObservedMachine => {
            if (word.startsWith("?"))
              return { token: "", running: false, machine: word.slice(1), clusterUid: "", node: 0 };
            const name = word.replace("!", "");
            const number = Number(name);
            const isOwn = NODES.includes(number);
            return {
              token: isOwn ? token(number) : name,
              running: !word.endsWith("!"),
              machine: name,
              clusterUid: "",
              node: 0,
            };
          });
      },
    },
    {
      key: "k",
      question: { providerType: "docker", provider: "docker", provisioner: "", fields: {} },
      clusters: [CLUSTER],
    },
  );
  assert.equal(left.length, 0, "the provider was asked too rarely");
  return {
    ...result,
    bad: result.looks[0]?.bad?.map(({ number, observed }) => `${number} ${observed}`),
    told: [...result.looks.flatMap(({ events }) => events), ...result.events].map(({ reason }) => reason),
  };
}

const ALL = "1000 1001 1002";

describe("a look at a provider", () => {
  it("stores nothing where nothing has changed, and the first look after a job", async () => {
    assert.deepEqual((await look({}, ALL)).looks, []);
    assert.deepEqual((await look(undefined, ALL)).bad, []);
    assert.deepEqual((await look({ jobSeq: 39n }, ALL)).bad, []);
    assert.deepEqual((await look({ hasStale: true }, ALL)).bad, []);
    assert.deepEqual((await look({}, ALL)).told, []);
  });

  it("is not moved by one odd answer", async () => {
    assert.deepEqual((await look({}, "", ALL)).looks, []);
    assert.deepEqual((await look({}, "1000! 1001", ALL)).looks, []);
    assert.deepEqual((await look({}, undefined, ALL)).looks, []);
    // The second answer does not come: the next look tells.
    assert.deepEqual((await look({}, "", undefined)).looks, []);
  });

  it("believes what is said twice, and at once what is better", async () => {
    const down = await look({}, "1000 1001!", "1000 1001!");
    assert.deepEqual(down.bad, ["1001 DOWN", "1002 MISSING"]);
    assert.deepEqual(down.told, ["NODES_MISSING", "NODES_DOWN"]);
    const findings = new Map<number, Finding>([[1001, "MISSING"]]);
    assert.deepEqual((await look({ findings }, "1000 1001! 1002")).bad, ["1001 DOWN"]);
    assert.deepEqual((await look({ findings }, ALL)).told, ["NODES_UP"]);
  });

  it("knows nothing without an answer, keeps what was known, and tells once", async () => {
    const findings = new Map<number, Finding>([[1001, "DOWN"]]);
    const lost = await look({ findings }, undefined, undefined);
    assert.deepEqual([lost.isKnown, lost.bad, lost.told], [false, undefined, ["PROVIDER_UNREACHABLE"]]);
    assert.equal(lost.looks[0]!.message, "It is off.");
    assert.deepEqual((await look({ isKnown: false, message: "It is off.", findings }, undefined, undefined)).looks, []);
    const back = await look({ isKnown: false, message: "It is off.", findings }, "1000 1001! 1002");
    assert.deepEqual([back.bad, back.told], [["1001 DOWN"], ["PROVIDER_REACHABLE"]]);
  });

  it("takes a machine that does not answer for down, says so, and takes it for nobody else's", async () => {
    const silent = await look({}, "1000 1001 ?m1002 ?spare", "1000 1001 ?m1002 ?spare");
    assert.deepEqual([silent.bad, silent.told, silent.others], [["1002 DOWN"], ["NODES_DOWN"], []]);
    assert.equal(silent.looks[0]!.bad![0]!.message, "Its machine does not answer.");
    assert.match(
      silent.looks[0]!.events[0]!.message,
      /^Node 1002 is down: its machine does not answer\..*replace-node/,
    );
  });

  it("tells which machines no node should have", async () => {
    assert.deepEqual(
      (await look({}, `${ALL} other`)).others.map(({ machine }) => machine),
      ["other"],
    );
  });
});
