import assert from "node:assert/strict";
import fc from "fast-check";
import { decodePageToken, encodePageToken, pageSize } from "./paging.js";

const REFUSED = { reason: "INVALID_PAGE_TOKEN" };

describe("pageSize", () => {
  it("is 100 where nothing is asked for, 1000 at most, and never negative", () => {
    assert.deepEqual([0, 1, 999, 1000, 1001, 2 ** 31 - 1].map(pageSize), [100, 1, 999, 1000, 1000, 1000]);
    assert.throws(() => pageSize(-1), { reason: "INVALID_FIELD" });
  });
});

describe("page tokens", () => {
  const keys = fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 });

  it("bring back the key they were made with, for the same list only", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), keys, (list, other, key) => {
        const token = encodePageToken(list, key);
        assert.match(token, /^[A-Za-z0-9_-]+$/);
        assert.deepEqual(decodePageToken(list, token, key.length), key);
        if (JSON.stringify(list) !== JSON.stringify(other))
          assert.throws(() => decodePageToken(other, token, key.length), REFUSED);
        assert.throws(() => decodePageToken(list, token, key.length + 1), REFUSED);
      }),
    );
  });

  it("are empty for the first page", () => {
    assert.equal(decodePageToken(["jobs"], "", 1), undefined);
  });

  it("are refused where they are made up, whatever they hold", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ minLength: 1 }),
          fc.base64String({ minLength: 1 }),
          fc.json().map((text) => Buffer.from(text).toString("base64url")),
        ),
        (token) => {
          assert.throws(() => decodePageToken(["jobs"], token, 1), REFUSED);
        },
      ),
    );
    const [mark] = JSON.parse(Buffer.from(encodePageToken(["jobs"], ["a"]), "base64url").toString("utf8")) as [string];
    for (const key of [null, {}, [], true])
      assert.throws(
        () => decodePageToken(["jobs"], Buffer.from(JSON.stringify([mark, key])).toString("base64url"), 1),
        REFUSED,
      );
  });
});
