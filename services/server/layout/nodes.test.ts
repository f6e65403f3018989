import assert from "node:assert/strict";
import fc from "fast-check";
import { createHostname, mergeGroups, numberNodes } from "./nodes.js";

describe("createHostname", () => {
  it("makes a host name of what people called the cluster", () => {
    assert.equal(createHostname("123i.am-a_clusTer", "1", 1002, "local"), "i-am-a-cluster1-1002.local");
    assert.equal(createHostname("demo", "1", 1000, ""), "demo1-1000.local");
    assert.equal(createHostname("demo", "4711", 1000, ".example.com"), "demo4711-1000.example.com");
  });

  it("cuts long names so that the label has 63 characters at most", () => {
    const hostname = createHostname("x".repeat(100), "18446744073709551615", 11_000, "local");
    assert.equal(hostname.split(".")[0]!.length, 63);
    assert.match(hostname, /^x+18446744073709551615-11000\.local$/);
  });

  it("always makes a label of letters, digits and hyphens that ends with the node's number", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,80}$/),
        fc.bigInt({ min: 1n, max: 2n ** 63n }),
        fc.integer({ min: 1000, max: 99_999 }),
        (name, id, number) => {
          const [label] = createHostname(name, String(id), number, "local").split(".local");
          assert.match(label!, /^[a-z0-9][a-z0-9-]*$/);
          assert.ok(label!.length <= 63 && label!.endsWith(`${id}-${number}`));
        },
      ),
    );
  });
});

describe("numberNodes", () => {
  const group = { hardwareType: "small", imageType: "debian", services: ["web"] };

  it("numbers nodes group after group", () => {
    const nodes = numberNodes(
      [
        { count: 1, ...group, services: ["lb"] },
        { count: 2, ...group },
      ],
      { firstNumber: 1000, displayName: "farm", clusterId: "7", dnsSuffix: "" },
    );
    assert.deepEqual(nodes, [
      { number: 1000, hostname: "farm7-1000.local", ...group, services: ["lb"] },
      { number: 1001, hostname: "farm7-1001.local", ...group },
      { number: 1002, hostname: "farm7-1002.local", ...group },
    ]);
  });

  it("merges groups of the same kind and puts new kinds last", () => {
    const lb = { count: 1, ...group, services: ["lb"] };
    assert.deepEqual(
      mergeGroups(
        [lb, { count: 2, ...group }],
        [
          { count: 3, ...group },
          { count: 1, ...group, hardwareType: "large" },
        ],
      ),
      [lb, { count: 5, ...group }, { count: 1, ...group, hardwareType: "large" }],
    );
  });
});
