import assert from "node:assert/strict";
import fc from "fast-check";
import { checkEtag, requestOf } from "./requests.js";

const ID = "3f0e5a52-7e1a-4a4f-9a53-6d2a9c7ab001";

/** The same value with the keys of every object in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe("requestOf", () => {
  it("gives the same fingerprint for the same request, in whatever order its fields come", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        assert.equal(
          requestOf(ID, "CreateCluster", reversed(body)).fingerprint,
          requestOf(ID, "CreateCluster", body).fingerprint,
        );
      }),
    );
  });

  it("gives another fingerprint for another request", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const isSame = requestOf(ID, "x", one).fingerprint === requestOf(ID, "x", other).fingerprint;
        const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
        let isEqual = true;
        try {
          assert.deepEqual(plain(one), plain(other));
        } catch {
          isEqual = false;
        }
        assert.equal(isSame, isEqual);
      }),
    );
    assert.notEqual(requestOf(ID, "pause", {}).fingerprint, requestOf(ID, "resume", {}).fingerprint);
    assert.notEqual(requestOf(ID, "x", ["a", "b"]).fingerprint, requestOf(ID, "x", ["b", "a"]).fingerprint);
  });

  it("keeps the id of the caller, makes one where there is none, and refuses what is none", () => {
    assert.equal(requestOf(ID, "x", {}).id, ID);
    const made = [requestOf("", "x", {}).id, requestOf("", "x", {}).id];
    assert.notEqual(made[0], made[1]);
    assert.equal(requestOf(made[0]!, "x", {}).id, made[0]);
    assert.throws(() => requestOf("again", "x", {}), { reason: "INVALID_REQUEST_ID" });
  });
});

describe("checkEtag", () => {
  it("takes what the caller saw, with or without quotes, or nothing", () => {
    checkEtag("1-5", "1-5", "Job 1");
    checkEtag('"1-5"', "1-5", "Job 1");
    checkEtag("", "1-5", "Job 1");
    assert.throws(() => checkEtag("1-4", "1-5", "Job 1"), {
      reason: "ETAG_MISMATCH",
      metadata: { etag: "1-5" },
      message: /^Job 1 has changed/,
    });
  });
});
