import assert from "node:assert/strict";
import { setImmediate as settled } from "node:timers/promises";
import type { WatchedCluster } from "../store/observations.js";
import type { Group } from "./groups.js";
import { createTurns } from "./turns.js";

const cluster = (id: bigint, jobSeq = 1n): WatchedCluster => ({
  shard: 1,
  id,
  job: 1,
  jobSeq,
  uid: `uid-${id}`,
  tenant: "default",
  displayName: "demo",
});

const group = (key: string, ...clusters: WatchedCluster[]): Group => ({
  key,
  question: { providerType: "docker", provider: key, provisioner: "", fields: {} },
  clusters,
});

/** Looks that end when they are told to. */
function bench() {
  const begun: { key: string; ids: bigint[]; seqs: bigint[]; isPass: boolean; end: () => void }[] = [];
  const ask = createTurns((of, isPass) => {
    const ids = of.clusters.map(({ id }) => id);
    const seqs = of.clusters.map(({ jobSeq }) => jobSeq);
    return new Promise((end) => begun.push({ key: of.key, ids, seqs, isPass, end }));
  });
  return { begun, ask };
}

describe("turns of looks", () => {
  it("hold one look under way and one that waits for each group, however many ask, and hold up no other group", async () => {
    const { begun, ask } = bench();
    const first = ask(group("slow", cluster(1n)), false);
    const asked = [2n, 3n, 2n].map((id) => ask(group("slow", cluster(id)), id === 3n));
    const other = ask(group("quick", cluster(9n)), true);
    await settled();
    assert.deepEqual(
      begun.map(({ key, ids }) => [key, ids]),
      [
        ["slow", [1n]],
        ["quick", [9n]],
      ],
    );
    begun[1]!.end();
    await other;
    begun[0]!.end();
    await first;
    await settled();
    assert.deepEqual([begun.length, begun[2]!.ids, begun[2]!.isPass], [3, [2n, 3n], true]);
    begun[2]!.end();
    await Promise.all(asked);
    const again = ask(group("slow"), false);
    assert.equal(begun.length, 4);
    begun[3]!.end();
    await again;
  });

  it("begin after the call, so that what was changed before it is seen", async () => {
    const { begun, ask } = bench();
    void ask(group("one", cluster(1n)), false);
    let isOver = false;
    const mine = ask(group("one", cluster(1n)), false).then(() => (isOver = true));
    begun[0]!.end();
    await settled();
    assert.deepEqual([begun.length, isOver], [2, false]);
    // Asked while the second is under way: a third one.
    const next = ask(group("one", cluster(1n)), false);
    begun[1]!.end();
    await mine;
    await settled();
    assert.equal(begun.length, 3);
    begun[2]!.end();
    await next;
  });

  it("look at a cluster as it was read last", async () => {
    const { begun, ask } = bench();
    void ask(group("one"), false);
    void ask(group("one", cluster(1n, 7n), cluster(2n, 3n)), false);
    void ask(group("one", cluster(1n, 5n), cluster(2n, 4n)), false);
    begun[0]!.end();
    await settled();
    assert.deepEqual(begun[1]!.seqs, [7n, 4n]);
    begun[1]!.end();
  });
});
