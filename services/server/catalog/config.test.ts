import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonObject } from "../../../test/arbitraries/catalog.js";
import { initialConfig, leavesOf, mergeConfig, overridden } from "./config.js";
import { MAX_CONFIG_BYTES } from "./limits.js";
import type { Json, JsonObject, Service } from "./types.js";

const at = (config: JsonObject, path: readonly (string | number)[]): Json =>
  path.reduce<Json>((value, step) => (value as JsonObject)[step]!, config);

describe("mergeConfig", () => {
  it("merges objects at every depth; other values replace", () => {
    const base = { web: { port: 80, hosts: ["a"], tls: { on: true } }, db: 1 };
    const over = { web: { hosts: ["b"], tls: { cert: "x" } }, db: { port: 1 }, n: null };
    assert.deepEqual(mergeConfig(base, over), {
      web: { port: 80, hosts: ["b"], tls: { on: true, cert: "x" } },
      db: { port: 1 },
      n: null,
    });
  });

  it("takes secrets as whole values", () => {
    assert.deepEqual(mergeConfig({ p: { generate: "password" } }, { p: { a: 1 } }), { p: { a: 1 } });
    assert.deepEqual(mergeConfig({ p: { a: 1 } }, { p: { generate: "password" } }), { p: { generate: "password" } });
    assert.deepEqual(mergeConfig({ p: { $secret: "p" } }, { p: { a: 1 } }), { p: { a: 1 } });
  });

  it("obeys its laws", () => {
    fc.assert(
      fc.property(jsonObject(), jsonObject(), (a, b) => {
        const [textA, textB] = [JSON.stringify(a), JSON.stringify(b)];
        const merged = mergeConfig(a, b);
        // Nothing is changed in place, nothing laid over or under nothing changes, nothing changes twice.
        assert.deepEqual([JSON.stringify(a), JSON.stringify(b)], [textA, textB]);
        assert.deepEqual(mergeConfig(a, {}), a);
        assert.deepEqual(mergeConfig({}, a), a);
        assert.deepEqual(mergeConfig(a, a), a);
        assert.deepEqual(mergeConfig(merged, b), merged);
        assert.deepEqual(new Set(Object.keys(merged)), new Set([...Object.keys(a), ...Object.keys(b)]));
        // What b sets is there; what b does not touch is as in a.
        for (const path of leavesOf(b)) {
          const value = at(b, path);
          if (typeof value !== "object" || value === null || Object.keys(value).length > 0)
            assert.deepEqual(at(merged, path), value);
        }
        for (const path of leavesOf(a))
          if (overridden(b, [path]).length === 0) assert.deepEqual(at(merged, path), at(a, path));
      }),
    );
  });

  it("cannot be made to change what all objects share", () => {
    const evil = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
    ) as JsonObject;
    mergeConfig(mergeConfig({ a: 1 }, evil), evil);
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });
});

describe("initialConfig", () => {
  const services = new Map<string, Service>([
    ["web", { config: { port: 80, color: "red" } }],
    ["db", { config: { password: { generate: "password" } } }],
    ["lb", {}],
  ]);
  const template = { defaults: { config: { web: { color: "blue" }, "%self%": true } } };

  it("lays the template over the services and the request over both", () => {
    assert.deepEqual(initialConfig(services, template, { web: { port: 81 }, own: [1] }), {
      web: { port: 81, color: "blue" },
      db: { password: { generate: "password" } },
      "%self%": true,
      own: [1],
    });
    assert.deepEqual(initialConfig(new Map(), {}, {}), {});
  });

  it("refuses what tasks cannot carry", () => {
    const request = { web: { text: "x".repeat(MAX_CONFIG_BYTES) } };
    assert.throws(() => initialConfig(services, template, request), { reason: "INVALID_CONFIG" });
  });

  it("refuses what is locked or reserved, all of it at once", () => {
    const locked = [
      ["web", "port"],
      ["web", "log"],
    ];
    assert.throws(
      () => initialConfig(services, template, { web: { port: 1 }, db: { password: { $secret: "x" } } }, locked),
      (error: { reason: string; violations: unknown }) => {
        assert.equal(error.reason, "INVALID_CONFIG");
        assert.deepEqual(error.violations, [
          { field: "config.web.port", description: "is fixed by an immutable partial template and cannot be changed." },
          {
            field: 'config.db.password["$secret"]',
            description: 'The key "$secret" is Loom\'s own. Write {generate: password} to have a secret made.',
          },
        ]);
        return true;
      },
    );
  });
});
