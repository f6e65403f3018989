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
  parseRoutes,
} from "./subnets.js";

describe("docker subnets", () => {
  it("reads blocks and refuses what is none", () => {
    assert.deepEqual(parseBlock("10.213.0.0/16"), { base: 10 * 2 ** 24 + 213 * 2 ** 16, prefix: 16 });
    for (const text of ["10.213.0.0", "10.213.0.1/16", "10.213.0.0/33", "10.256.0.0/16", "10.0.0/8", "fd00::/64", ""]) {
      assert.equal(parseBlock(text), undefined, text);
    }
  });

  it("reads the kernel's routing table and leaves out the default route", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "tun0\t0000D50A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
      "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
      "",
    ].join("\n");
    assert.deepEqual(
      parseRoutes(table).map(({ block, by }) => `${formatBlock(block)} ${by}`),
      ["10.213.0.0/16 tun0", "192.0.2.0/24 eth0"],
    );
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
