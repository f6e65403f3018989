import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonObject } from "../../../test/arbitraries/catalog.js";
import type { Json, JsonObject } from "./types.js";
import {
  badGenerated,
  findGenerated,
  findSecrets,
  hideTexts,
  isGenerated,
  MASK,
  maskAsked,
  maskSecrets,
  revealSecrets,
  secretPlaces,
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

  describe("in whose place something else is put", () => {
    const documented = {
      db: { password: { generate: "password" }, port: 1 },
      users: [{ name: "a", key: { generate: "password" } }],
      keys: [{ generate: "password" }],
    };
    const places = secretPlaces([documented]);
    const hidden = (config: JsonObject): Record<string, string> => {
      const { config: stored, texts } = hideTexts(config, places);
      assert.deepEqual(revealSecrets(stored, texts), config);
      return Object.fromEntries(texts);
    };

    it("are secrets as texts, whatever they are in the request", () => {
      for (const [value, text] of [
        ["x", "x"],
        ["", ""],
        [20261121, "20261121"],
        [-0.5, "-0.5"],
        [true, "true"],
      ] as const) {
        const asked = { db: { password: value, port: 2 } };
        const { config, texts } = hideTexts(asked, places);
        assert.deepEqual(config, { db: { password: { $secret: "db.password" }, port: 2 } });
        assert.deepEqual([...texts], [["db.password", text]]);
        assert.deepEqual(maskAsked(asked, places), { db: { password: MASK, port: 2 } });
      }
      for (const value of [null, { generate: "password" }, { $secret: "db.password" }] as Json[]) {
        const { config, texts } = hideTexts({ db: { password: value } }, places);
        assert.deepEqual([config, texts.size], [{ db: { password: value } }, 0]);
      }
    });

    it("are refused where they are no one value, and not quoted", () => {
      for (const value of [{ a: "hunter2" }, ["hunter2"], [], {}] as Json[]) {
        assert.throws(
          () => hideTexts({ db: { password: value } }, places),
          (thrown: { reason?: string; message: string; violations?: { field: string }[] }) => {
            assert.equal(thrown.reason, "INVALID_CONFIG");
            assert.match(thrown.message, /config\.db\.password: is a secret/);
            assert.ok(!thrown.message.includes("hunter2"));
            assert.deepEqual(
              thrown.violations!.map(({ field }) => field),
              ["config.db.password"],
            );
            return true;
          },
        );
      }
    });

    it("are secrets in every element of a list", () => {
      const users = [
        { name: "b", key: "k1" },
        { name: "a", key: "k2" },
      ];
      assert.deepEqual(hidden({ users, keys: ["k3", "k4"] }), {
        "users[0].key": "k1",
        "users[1].key": "k2",
        "keys[0]": "k3",
        "keys[1]": "k4",
      });
      assert.ok(!/k[1-4]/.test(JSON.stringify(maskAsked({ users, keys: ["k3", "k4"] }, places))));
    });

    it("stay one in every later layer that has a value there, and not where one has more than that", () => {
      const found = (...layers: JsonObject[]): string[] => [...secretPlaces([documented, ...layers])].sort();
      assert.deepEqual(found(), ["db.password", "keys.[*]", "users.[*].key"]);
      assert.deepEqual(found({ db: { password: "x" } }, { db: { password: null } }), found());
      assert.deepEqual(found({ db: { password: { a: { $secret: "x" } } } }), [
        "db.password.a",
        "keys.[*]",
        "users.[*].key",
      ]);
    });
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
