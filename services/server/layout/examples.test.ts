import assert from "node:assert/strict";
import { problemOf } from "../../../test/support/layouts.js";
import { solveLayout } from "./solve.js";
import type { LayoutProblem, LayoutResult, Quantity } from "./types.js";

/** `2 small debian: a b` for each group. */
function inWords(result: LayoutResult): string[] {
  assert.equal(result.outcome, "solved", JSON.stringify(result));
  return (result as Extract<LayoutResult, { outcome: "solved" }>).groups.map(
    (group) => `${group.count} ${group.hardwareType} ${group.imageType}: ${group.services.join(" ")}`,
  );
}

function conflictOf(problem: LayoutProblem): string[] {
  const result = solveLayout(problem);
  assert.equal(result.outcome, "unsatisfiable");
  return (result as Extract<LayoutResult, { outcome: "unsatisfiable" }>).conflict.map(({ text }) => text);
}

describe("solveLayout by example", () => {
  it("puts services without constraints on every node", () => {
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["b", "a"]))), ["3 small debian: a b"]);
    assert.deepEqual(
      inWords(
        solveLayout(
          problemOf(3, ["base", "m", "s"], { cantCoexist: [["m", "s"]], quantities: { m: { min: 1, max: 1 } } }),
        ),
      ),
      ["1 small debian: base m", "2 small debian: base s"],
    );
  });

  it("finds layouts that a greedy choice of the largest node layout misses", () => {
    const quantities = { a: { min: 1, max: 1 }, b: { min: 1, max: 1 } };
    assert.deepEqual(inWords(solveLayout(problemOf(2, ["a", "b"], { quantities }))), [
      "1 small debian: a",
      "1 small debian: b",
    ]);
  });

  it("places every service unless its minimum is 0", () => {
    const cantCoexist = [["a", "b"]];
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b"], { cantCoexist }))), [
      "2 small debian: a",
      "1 small debian: b",
    ]);
    const quantities = { b: { min: 0, max: Number.POSITIVE_INFINITY } };
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b"], { cantCoexist, quantities }))), [
      "3 small debian: a",
    ]);
  });

  it("forbids only all members of a set together, and nothing where a member is not in the cluster", () => {
    const cantCoexist = [["a", "b", "c"]];
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b", "c"], { cantCoexist }))), [
      "2 small debian: a b",
      "1 small debian: a c",
    ]);
    assert.deepEqual(inWords(solveLayout(problemOf(3, ["a", "b"], { cantCoexist }))), ["3 small debian: a b"]);
  });

  it("takes only the members in the cluster of a set that must be together, over sets that overlap", () => {
    const quantities = { a: { min: 1, max: 1 } };
    assert.deepEqual(
      inWords(
        solveLayout(
          problemOf(2, ["a", "b", "c", "x"], {
            mustCoexist: [
              ["a", "b", "gone"],
              ["b", "c"],
            ],
            cantCoexist: [["x", "c"]],
            quantities,
          }),
        ),
      ),
      ["1 small debian: a b c", "1 small debian: x"],
    );
  });

  it("chooses the first hardware and image by name that all services of a node allow", () => {
    const hardwareTypes = ["small", "large", "medium"];
    const problem = problemOf(3, ["db", "web"], {
      hardwareTypes,
      imageTypes: ["debian", "centos"],
      cantCoexist: [["db", "web"]],
      quantities: { db: { min: 1, max: 1 } },
      hardwareOf: { web: ["medium", "small"] },
      imagesOf: { db: ["debian"] },
      variantsOf: { web: ["debian", "centos"] },
    });
    assert.deepEqual(inWords(solveLayout(problem)), ["1 large debian: db", "2 medium centos: web"]);
  });

  it("prefers most services, then hardware, then image, then names", () => {
    const one = { min: 1, max: 1 };
    const problem = problemOf(4, ["a", "b", "c", "d"], {
      hardwareTypes: ["h1", "h2"],
      cantCoexist: [
        ["a", "b"],
        ["a", "c"],
        ["a", "d"],
        ["b", "c"],
        ["b", "d"],
        ["c", "d"],
      ],
      quantities: { a: one, b: one, c: one, d: one },
      hardwareOf: { a: ["h2"], c: ["h2"] },
    });
    assert.deepEqual(inWords(solveLayout(problem)), [
      "1 h1 debian: b",
      "1 h1 debian: d",
      "1 h2 debian: a",
      "1 h2 debian: c",
    ]);
  });

  it("keeps nodes that are there and solves for the rest", () => {
    const fixed = [{ count: 2, hardwareType: "large", imageType: "centos", services: ["web"] }];
    const quantities = { lb: { min: 1, max: 1 }, web: { min: 1, max: 3 } };
    assert.deepEqual(
      inWords(solveLayout(problemOf(4, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities, fixed }))),
      ["1 small debian: lb", "1 small debian: web"],
    );
    assert.deepEqual(conflictOf(problemOf(5, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities, fixed })), [
      '"lb" is on at most 1 node',
      '"web" is on at most 3 nodes',
      "the cluster has 5 nodes",
    ]);
    assert.deepEqual(inWords(solveLayout(problemOf(2, ["web"], { fixed }))), []);
  });

  it("says in a sentence why there is no layout", () => {
    const problem = problemOf(3, ["a", "b", "c"], {
      hardwareTypes: ["large", "small"],
      cantCoexist: [["a", "b"]],
      quantities: { a: { min: 2, max: 2 }, b: { min: 2, max: 4 } },
      hardwareOf: { c: ["large"] },
    });
    const result = solveLayout(problem);
    assert.deepEqual(result, {
      outcome: "unsatisfiable",
      conflict: [
        { kind: "cantCoexist", services: ["a", "b"], text: '"a" and "b" are never on the same node' },
        { kind: "min", services: ["a"], text: '"a" is on at least 2 nodes' },
        { kind: "min", services: ["b"], text: '"b" is on at least 2 nodes' },
        { kind: "size", services: [], text: "the cluster has 3 nodes" },
      ],
      sentence:
        'No layout of 3 nodes is possible, because not all of these can hold: "a" and "b" are never on the same node; "a" is on at least 2 nodes; ' +
        '"b" is on at least 2 nodes; the cluster has 3 nodes. Change any one of them.',
    });
    assert.deepEqual(
      conflictOf(
        problemOf(1, ["a"], {
          imageTypes: ["centos", "debian"],
          imagesOf: { a: ["centos"] },
          variantsOf: { a: ["debian"] },
        }),
      ),
      ['"a" has actions only for image type "debian"', '"a" needs image type "centos"'],
    );
  });
});

describe("solveLayout on templates that exist", () => {
  const exactlyOne = { min: 1, max: 1 };

  it("lays out a load balancer and web servers", () => {
    const quantities = { lb: exactlyOne };
    assert.deepEqual(inWords(solveLayout(problemOf(4, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities }))), [
      "1 small debian: lb",
      "3 small debian: web",
    ]);
    assert.deepEqual(conflictOf(problemOf(1, ["lb", "web"], { cantCoexist: [["lb", "web"]], quantities })), [
      '"lb" and "web" are never on the same node',
      '"lb" is on at least 1 node',
      '"web" is on at least 1 node',
      "the cluster has 1 node",
    ]);
  });

  it("lays out a master, slaves and a node for the rest, as many as are wanted", () => {
    const masters = ["hbasemaster", "namenode", "resourcemanager"];
    const slaves = ["datanode", "nodemanager", "regionserver"];
    const quantities: Record<string, Quantity> = {
      reactor: { min: 1, max: 5 },
      zookeeper: { min: 1, max: 5 },
      datanode: { min: 1, max: 50 },
    };
    for (const name of masters) quantities[name] = exactlyOne;
    const problem = (size: number): LayoutProblem =>
      problemOf(size, [...masters, ...slaves, "reactor", "zookeeper"], {
        mustCoexist: [masters, slaves, ["reactor", "zookeeper"]],
        cantCoexist: [
          ["datanode", "namenode"],
          ["namenode", "zookeeper"],
          ["datanode", "zookeeper"],
        ],
        quantities,
      });
    const counts = (size: number): number[] =>
      (solveLayout(problem(size)) as Extract<LayoutResult, { outcome: "solved" }>).groups.map(({ count }) => count);
    assert.deepEqual(inWords(solveLayout(problem(5))), [
      "3 small debian: datanode nodemanager regionserver",
      "1 small debian: hbasemaster namenode resourcemanager",
      "1 small debian: reactor zookeeper",
    ]);
    assert.deepEqual(counts(10), [8, 1, 1]);
    assert.deepEqual(counts(54), [50, 1, 3]);
  });

  it("lays out hadoop", () => {
    const problem = (size: number): LayoutProblem =>
      problemOf(size, ["firewall", "hosts", "namenode", "resourcemanager", "datanode", "nodemanager"], {
        mustCoexist: [
          ["namenode", "resourcemanager"],
          ["datanode", "nodemanager"],
        ],
        cantCoexist: [["namenode", "datanode"]],
        quantities: {
          namenode: exactlyOne,
          resourcemanager: exactlyOne,
          datanode: { min: 2, max: Number.POSITIVE_INFINITY },
        },
      });
    assert.deepEqual(inWords(solveLayout(problem(3))), [
      "2 small debian: datanode firewall hosts nodemanager",
      "1 small debian: firewall hosts namenode resourcemanager",
    ]);
    assert.equal(solveLayout(problem(2)).outcome, "unsatisfiable");
  });

  it("lays out a web application with one database", () => {
    const problem = (size: number): LayoutProblem =>
      problemOf(size, ["base", "php", "apache-httpd", "php-modules", "mysql-server"], {
        quantities: { "mysql-server": exactlyOne },
      });
    assert.deepEqual(inWords(solveLayout(problem(1))), [
      "1 small debian: apache-httpd base mysql-server php php-modules",
    ]);
    assert.deepEqual(inWords(solveLayout(problem(4))), [
      "1 small debian: apache-httpd base mysql-server php php-modules",
      "3 small debian: apache-httpd base php php-modules",
    ]);
  });

  it("does not separate what only a set of three forbids", () => {
    const problem = problemOf(5, ["dcos-master", "dcos-private-agent"], {
      cantCoexist: [["dcos-master", "dcos-private-agent", "dcos-public-agent"]],
      quantities: { "dcos-master": exactlyOne },
    });
    assert.deepEqual(inWords(solveLayout(problem)), [
      "1 small debian: dcos-master dcos-private-agent",
      "4 small debian: dcos-private-agent",
    ]);
  });
});
