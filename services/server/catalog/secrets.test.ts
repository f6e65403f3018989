import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonObject } from "../../../test/arbitraries/catalog.js";
import {
  badGenerated,
  findGenerated,
  findSecrets,
  isGenerated,
  MASK,
  maskSecrets,
  revealSecrets,
  withSecretReferences,
} from "./secrets.js";

describe("secrets", () => {
  const config = {
    db: { password: { generate: "password" }, port: 1 },
    "a.b": [{ key: { generate: "password" } }],
    plain: "x",
  };
  const stored = {
    db: { password: { $secret: "db.password" }, port: 1 },
    "a.b": [{ key: { $secret: '["a.b"][0].key' } }],
    plain: "x",
  };

  it("are found, stored as references, revealed and masked", () => {
    assert.deepEqual(findGenerated(config), ["db.password", '["a.b"][0].key']);
    assert.deepEqual(withSecretReferences(config), stored);
    assert.deepEqual(findSecrets(stored), ["db.password", '["a.b"][0].key']);
    const texts = new Map([
      ["db.password", "s1"],
      ['["a.b"][0].key', "s2"],
    ]);
    assert.deepEqual(revealSecrets(stored, texts), {
      db: { password: "s1", port: 1 },
      "a.b": [{ key: "s2" }],
      plain: "x",
    });
    const masked = { db: { password: MASK, port: 1 }, "a.b": [{ key: MASK }], plain: "x" };
    assert.deepEqual(maskSecrets(stored), masked);
    assert.deepEqual(maskSecrets(config), masked);
  });

  it("are never empty because they are not there", () => {
    assert.throws(() => revealSecrets(stored, new Map()), {
      reason: "INTERNAL",
      message: 'The secret "db.password" of the cluster\'s configuration is not in the store.',
    });
  });

  it("are not what merely looks like one", () => {
    assert.equal(isGenerated({ generate: "key" }), false);
    assert.equal(isGenerated(["generate", "password"]), false);
    assert.deepEqual(
      badGenerated({ a: { generate: ["password"] } }).map((bad) => bad.path),
      [["a", "generate"]],
    );
    assert.deepEqual(
      badGenerated({ generate: "password" }).map((bad) => bad.message),
      ["The whole configuration cannot be generated."],
    );
    assert.deepEqual(badGenerated(config), []);
  });

  it("of any configuration come back at their places and nothing else changes", () => {
    fc.assert(
      fc.property(jsonObject(), (any) => {
        const references = withSecretReferences(any);
        const paths = findGenerated(any);
        assert.deepEqual(findGenerated(references), []);
        assert.deepEqual(findSecrets(references), paths);
        const revealed = revealSecrets(references, new Map(paths.map((path) => [path, MASK])));
        assert.deepEqual(revealed, maskSecrets(any));
        assert.equal(JSON.stringify(maskSecrets(revealed)), JSON.stringify(revealed));
      }),
    );
  });
});
