import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressFor,
  candidates,
  capacity,
  formatAddress,
  formatBlock,
  gateway,
  overlaps,
  parseAddress,
  parseBlock,
} from "./subnets.js";

describe("docker subnets", () => {
  it("reads blocks and refuses what is none", () => {
    assert.deepEqual(parseBlock("10.213.0.0/16"), { base: 10 * 2 ** 24 + 213 * 2 ** 16, prefix: 16 });
    for (const text of ["10.213.0.0", "10.213.0.1/16", "10.213.0.0/33", "10.256.0.0/16", "10.0.0/8", "fd00::/64", ""]) {
      assert.equal(parseBlock(text), undefined, text);
    }
  });

  it("writes every address as it was read", () => {
    fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(formatAddress(parseAddress(text)!), text)));
  });

  it("splits a range into blocks that do not overlap, all of them, in an order of the cluster's own", () => {
    const range = parseBlock("10.213.0.0/16")!;
    const blocks = [...candidates(range, 24, "a")];
    assert.equal(new Set(blocks.map(formatBlock)).size, 256);
    assert.ok(blocks.every((block) => overlaps(block, range)));
    assert.ok(blocks.every((a, i) => blocks.every((b, j) => i === j || !overlaps(a, b))));
    assert.deepEqual([...candidates(range, 24, "a")], blocks);
    assert.notDeepEqual([...candidates(range, 24, "b")][0], blocks[0]);
  });

  it("knows overlap from either side", () => {
    const cases: [string, string, boolean][] = [
      ["10.213.0.0/16", "10.213.7.0/24", true],
      ["10.213.7.0/24", "10.213.8.0/24", false],
      ["0.0.0.0/0", "192.168.0.0/24", true],
      ["172.17.0.0/16", "172.18.0.0/16", false],
    ];
    for (const [a, b, expected] of cases) {
      assert.equal(overlaps(parseBlock(a)!, parseBlock(b)!), expected);
      assert.equal(overlaps(parseBlock(b)!, parseBlock(a)!), expected);
    }
  });

  it("gives every machine an address of its own until the block is full, and never the gateway's", () => {
    const block = parseBlock("10.213.7.0/28")!;
    const taken = new Set<string>();
    for (let node = 1000; node < 1000 + capacity(28); node += 1) {
      const address = addressFor(block, node * 7, taken)!;
      assert.ok(!taken.has(address) && address !== gateway(block));
      assert.ok(overlaps({ base: parseAddress(address)!, prefix: 32 }, block));
      assert.notEqual(address, "10.213.7.15");
      taken.add(address);
    }
    assert.equal(addressFor(block, 1000, taken), undefined);
  });

  it("says how many machines fit", () => {
    assert.equal(capacity(24), 253);
    assert.equal(capacity(16), 1000);
    assert.equal(capacity(31), 0);
  });
});
