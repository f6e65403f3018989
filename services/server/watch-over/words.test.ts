import assert from "node:assert/strict";
import type { Finding } from "./judge.js";
import { nodeEvents, numbersInWords, providerEvent, strayFound } from "./words.js";

const CLUSTER = { tenant: "default", id: 7n };
const events = (before: Record<number, Finding>, after: Record<number, Finding>): string[] => {
  const map = (findings: Record<number, Finding>) =>
    new Map(Object.entries(findings).map(([number, finding]): [number, Finding] => [Number(number), finding]));
  return nodeEvents(CLUSTER, "demo-7", map(before), map(after)).map(({ reason, message }) => `${reason} ${message}`);
};

describe("words about what was observed", () => {
  it("names numbers as ranges and counts what is too many", () => {
    assert.equal(numbersInWords([1000]), "1000");
    assert.equal(numbersInWords([1000, 1001]), "1000, 1001");
    assert.equal(numbersInWords([1000, 1001, 1002, 1005]), "1000 to 1002, 1005");
    const odd = Array.from({ length: 30 }, (_, index) => 1000 + 2 * index);
    assert.match(numbersInWords(odd), /^1000, 1002, .*, 1018 and 20 more$/);
  });

  it("says what changed, once for all nodes, and the command that mends it", () => {
    assert.deepEqual(events({}, { 1000: "UP", 1001: "DOWN" }), [
      'NODES_DOWN Node 1001 is down: its machine is there but does not run. "loom repair demo-7" starts it.',
    ]);
    assert.deepEqual(events({ 1000: "DOWN" }, { 1000: "MISSING", 1001: "MISSING" }), [
      'NODES_MISSING 2 nodes (1000, 1001) are missing: the provider has no machines of them any more. "loom repair demo-7" makes them again.',
    ]);
    assert.deepEqual(events({ 1000: "DOWN", 1001: "MISSING" }, { 1000: "UP", 1001: "DOWN" }), [
      'NODES_DOWN Node 1001 is down: its machine is there but does not run. "loom repair demo-7" starts it.',
      "NODES_UP Node 1000 runs again.",
    ]);
    assert.deepEqual(events({ 1000: "DOWN" }, { 1000: "DOWN", 1001: "UP" }), []);
  });

  it("says what of a provider and of strays", () => {
    assert.equal(
      providerEvent("t", "docker", 2, "The daemon does not answer.").message,
      "Nobody can tell how 2 clusters of provider docker are: The daemon does not answer.",
    );
    assert.equal(
      providerEvent("t", "docker", 1, undefined).message,
      "Provider docker answers again; 1 cluster can be watched.",
    );
    const stray = { tenant: "t", clusterId: 7n, node: 1000, machine: "loom-x", provider: "docker" };
    for (const [ms, words] of [
      [3_600_000, "1 hour"],
      [7_200_000, "2 hours"],
      [60_000, "1 minute"],
      [5_000, "5 seconds"],
    ] as const)
      assert.ok(strayFound(stray, "demo-7", ms).message.includes(`removed after ${words} unless`));
  });
});
