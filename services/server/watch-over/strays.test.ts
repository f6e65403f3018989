import assert from "node:assert/strict";
import fc from "fast-check";
import { machineToken } from "../../common/ids.js";
import { verdictOf, waited, type MachineOwner, type OwnedNode } from "./strays.js";

const uids = [1, 2, 3].map((n) => `0190a000-0000-7000-8000-00000000000${n}`);
const nodeArbitrary: fc.Arbitrary<OwnedNode> = fc
  .record({ incarnation: fc.integer({ min: 1, max: 6 }), isGone: fc.boolean(), kept: fc.array(fc.boolean()) })
  .map(({ incarnation, isGone, kept }) => ({
    incarnation,
    isGone,
    previous: Array.from({ length: incarnation - 1 }, (_, i) => i + 1).filter((_, i) => kept[i] === true),
  }));
const ownerArbitrary: fc.Arbitrary<MachineOwner> = fc
  .record({
    uid: fc.constantFrom(...uids),
    isGone: fc.boolean(),
    isBusy: fc.boolean(),
    nodes: fc.array(nodeArbitrary, { minLength: 1, maxLength: 4 }),
  })
  .map(({ nodes, ...rest }) => ({
    ...rest,
    nodes: new Map(nodes.map((node, index): [number, OwnedNode] => [1000 + index, node])),
  }));
const machineArbitrary = fc
  .record({
    uid: fc.constantFrom(...uids, ""),
    claimed: fc.constantFrom(...uids, "", "not a uuid"),
    node: fc.integer({ min: 999, max: 1005 }),
    incarnation: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ uid, claimed, node, incarnation }) => ({
    token: machineToken(uid, node, incarnation),
    clusterUid: claimed,
    node,
    uid,
    incarnation,
  }));

describe("verdictOf", () => {
  it("never calls a machine a stray that a node has or may come to have", () => {
    fc.assert(
      fc.property(machineArbitrary, fc.option(ownerArbitrary, { nil: undefined }), (machine, owner) => {
        const verdict = verdictOf(machine, owner);
        if (verdict.kind !== "stray") return;
        // It is this Loom's: the token proves the cluster, the node and an incarnation the node has had.
        assert.ok(owner !== undefined && machine.uid === owner.uid && machine.clusterUid === owner.uid);
        const node = owner.nodes.get(machine.node)!;
        assert.equal(verdict.incarnation, machine.incarnation);
        assert.ok(machine.incarnation <= node.incarnation);
        // No job is at work, and none to come will want it.
        assert.ok(!owner.isBusy);
        const isPresent = machine.incarnation === node.incarnation || node.previous.includes(machine.incarnation);
        assert.ok(owner.isGone || node.isGone || !isPresent);
      }),
      { numRuns: 2_000 },
    );
  });

  it("calls every leftover of a cluster at rest a stray", () => {
    fc.assert(
      fc.property(ownerArbitrary, (owner) => {
        for (const [number, node] of owner.nodes) {
          for (let incarnation = 1; incarnation <= node.incarnation; incarnation += 1) {
            const token = machineToken(owner.uid, number, incarnation);
            const { kind } = verdictOf({ token, clusterUid: owner.uid, node: number }, owner);
            const isKept = incarnation === node.incarnation || node.previous.includes(incarnation);
            const expected = owner.isBusy ? "busy" : owner.isGone || node.isGone || !isKept ? "stray" : "owned";
            assert.equal(kind, expected);
          }
        }
      }),
    );
  });

  it("stays right however late an order comes: what a stray is named by is never wanted again", () => {
    /** What jobs do to a node: it gets another machine, keeping the old one for a while or not, or it goes for ever. */
    const step = fc.constantFrom("replace", "settle", "remove", "end" as const);
    fc.assert(
      fc.property(ownerArbitrary, fc.array(step, { maxLength: 6 }), (first, steps) => {
        const strays: { number: number; incarnation: number }[] = [];
        let owner: MachineOwner = { ...first, isBusy: false };
        for (const what of [...steps, "settle" as const]) {
          for (const { number, incarnation } of strays) {
            const token = machineToken(owner.uid, number, incarnation);
            assert.equal(verdictOf({ token, clusterUid: owner.uid, node: number }, owner).kind, "stray");
          }
          for (const [number, { incarnation }] of owner.nodes)
            for (let i = 1; i <= incarnation; i += 1) {
              const token = machineToken(owner.uid, number, i);
              if (verdictOf({ token, clusterUid: owner.uid, node: number }, owner).kind === "stray")
                strays.push({ number, incarnation: i });
            }
          owner = after(owner, what);
        }
      }),
    );
  });
});

function after(owner: MachineOwner, what: "replace" | "settle" | "remove" | "end"): MachineOwner {
  if (owner.isGone) return owner;
  if (what === "end") return { ...owner, isGone: true };
  const nodes = new Map(owner.nodes);
  for (const [number, node] of nodes) {
    if (node.isGone) continue;
    if (what === "remove") nodes.set(number, { ...node, isGone: true });
    else if (what === "settle") nodes.set(number, { ...node, previous: [] });
    else
      nodes.set(number, {
        ...node,
        incarnation: node.incarnation + 1,
        previous: [...node.previous, node.incarnation],
      });
  }
  return { ...owner, nodes };
}

describe("waited", () => {
  it("counts no more than what this process measured between two looks", () => {
    const gap = fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(gap), fc.integer({ min: 0, max: 1e6 }), (gaps, most) => {
        let total = 0;
        for (const [index, since] of gaps.entries()) {
          const next = waited(total, since, most);
          assert.ok(next >= total);
          assert.ok(next <= (index + 1) * most);
          if (since === undefined || since <= 0) assert.equal(next, total);
          total = next;
        }
      }),
    );
    assert.equal(waited(100, 50, 60), 150);
    assert.equal(waited(100, 7_200_000, 120_000), 120_100);
  });
});
