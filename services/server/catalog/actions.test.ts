import assert from "node:assert/strict";
import { checkAction, coveredImageTypes, effectiveAction, imageTypesOf } from "./actions.js";
import type { Action } from "./types.js";

describe("actions", () => {
  it("without variants are for every image type", () => {
    assert.deepEqual(effectiveAction({}, "debian"), { type: "shell", fields: {}, timeoutSeconds: 1800 });
    assert.deepEqual(effectiveAction({ type: "x", fields: { a: 1 }, timeoutSeconds: 5 }, "any"), {
      type: "x",
      fields: { a: 1 },
      timeoutSeconds: 5,
    });
  });

  it("take the variant that names the image type, else the one that names none, else none", () => {
    const action: Action = {
      timeoutSeconds: 60,
      fields: { env: { A: "1", B: "1" } },
      variants: [
        { fields: { script: "rest" } },
        { imageTypes: ["debian"], fields: { script: "apt", env: { B: "2" } }, timeoutSeconds: 0 },
        { imageTypes: ["fedora"], type: "ansible", fields: { play: "p" }, timeoutSeconds: 9 },
      ],
    };
    assert.deepEqual(effectiveAction(action, "debian"), {
      type: "shell",
      fields: { env: { A: "1", B: "2" }, script: "apt" },
      timeoutSeconds: 60,
    });
    assert.deepEqual(effectiveAction(action, "fedora"), { type: "ansible", fields: { play: "p" }, timeoutSeconds: 9 });
    assert.deepEqual(effectiveAction(action, "other"), {
      type: "shell",
      fields: { env: { A: "1", B: "1" }, script: "rest" },
      timeoutSeconds: 60,
    });
    assert.equal(effectiveAction({ ...action, variants: action.variants!.slice(1) }, "other"), undefined);
  });

  it("of a service decide together which image types it can be on", () => {
    const only = (...imageTypes: string[]) => ({ variants: [{ imageTypes }] });
    assert.equal(imageTypesOf({}), undefined);
    assert.equal(imageTypesOf({ actions: { start: {} } }), undefined);
    assert.deepEqual(
      imageTypesOf({ actions: { start: {}, install: only("c", "a", "b"), stop: only("b", "c", "d") } }),
      ["b", "c"],
    );
    assert.deepEqual(imageTypesOf({ actions: { install: only("a"), stop: only("b") } }), []);
    assert.equal(coveredImageTypes({ variants: [{ imageTypes: ["a"] }, {}] }), undefined);
  });

  it("of a check come from its script", () => {
    assert.deepEqual(checkAction({ service: "web", script: "true", timeoutSeconds: 5, fields: { env: {} } }), {
      timeoutSeconds: 5,
      fields: { env: {}, script: "true" },
    });
    assert.deepEqual(checkAction({ service: "web", type: "x" }), { type: "x" });
  });
});
