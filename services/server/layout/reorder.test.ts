import assert from "node:assert/strict";
import { reorderLayout } from "./reorder.js";
import type { NodeGroup } from "./types.js";

const group = (services: string, count = 1, hardwareType = "small"): NodeGroup => ({
  count,
  hardwareType,
  imageType: "debian",
  services: services.split(" "),
});

const order = (before: readonly NodeGroup[], kinds: readonly NodeGroup[]): string[] =>
  reorderLayout(before, kinds).map(({ services }) => services.join(" "));

describe("reorderLayout", () => {
  it("keeps the places of what is there, with the counts of now", () => {
    const before = [group("web", 3), group("lb"), group("web", 1, "large")];
    assert.deepEqual(reorderLayout(before, [group("lb"), group("web", 2, "large"), group("web", 5)]), [
      group("web", 5),
      group("lb"),
      group("web", 2, "large"),
    ]);
    assert.deepEqual(order(before, [group("lb")]), ["lb"]);
  });

  it("gives what came of a kind its place, whole or in part", () => {
    const before = [group("app web", 3), group("lb")];
    assert.deepEqual(order(before, [group("lb"), group("app log web", 3)]), ["app log web", "lb"]);
    assert.deepEqual(order(before, [group("lb"), group("app web"), group("app log web", 2)]), [
      "app web",
      "app log web",
      "lb",
    ]);
    assert.deepEqual(order(before, [group("lb"), group("web", 3)]), ["web", "lb"]);
  });

  it("puts what is of no kind last", () => {
    assert.deepEqual(order([group("web")], [group("db"), group("web", 1, "large"), group("web")]), [
      "web",
      "db",
      "web",
    ]);
    assert.deepEqual(order([], [group("db")]), ["db"]);
  });
});
