import assert from "node:assert/strict";
import fc from "fast-check";
import { LoomError } from "../../common/errors.js";
import type { Json } from "../catalog/types.js";
import { expandMacros, type MacroContext, type MacroNode } from "./expand.js";
import { macroReferences } from "./references.js";

const nodeOf = (
  number: number,
  services: readonly string[],
  addresses?: Readonly<Record<string, string>>,
): MacroNode => ({
  number,
  hostname: `h${number}`,
  services,
  addresses: addresses ?? { internal: `10.0.0.${number - 999}`, external: `127.0.0.${number - 999}` },
});
const nodes = [
  nodeOf(1000, ["lb"]),
  nodeOf(1001, ["web", "a.b"]),
  nodeOf(1002, ["web"]),
  nodeOf(1003, ["bare"], { internal: "10.0.0.4" }),
];
const contextOf = (self: number | undefined, more: Partial<MacroContext> = {}): MacroContext => ({
  owner: "anna",
  self: nodes.find(({ number }) => number === self),
  nodesOf: (service) => nodes.filter((node) => node.services.includes(service)),
  ...more,
});
const expand = (text: string, self: number | undefined = 1002): Json => expandMacros(text, contextOf(self));

describe("expandMacros", () => {
  const table: readonly (readonly [text: string, value: string])[] = [
    ["%cluster.owner%", "anna"],
    ["%host.self%", "h1002"],
    ["%host.service.web%", "h1001,h1002"],
    ["%host.service.web[0]%", "h1001"],
    ["%host.service.web[1]%", "h1002"],
    ["%ip.self%", "10.0.0.3"],
    ["%ip.external.self%", "127.0.0.3"],
    ["%ip.access_v4.self% %ip.bind_v4.self%", "127.0.0.3 10.0.0.3"],
    ["%ip.service.web%", "10.0.0.2,10.0.0.3"],
    ["%ip.external.service.web[1]%", "127.0.0.3"],
    ["%ip.bind_v4.service.web[0]%", "10.0.0.2"],
    ["%ip.service.a.b%", "10.0.0.2"],
    ["%ip.internal.service.a.b[0]%", "10.0.0.2"],
    ["%host.service.a.b%", "h1001"],
    ["%num.service.web%", "2"],
    ["%num.service.gone%", "0"],
    ["%instance.self.service.web%", "2"],
    ["%join(host.service.web,' ')%", "h1001 h1002"],
    ['%join(host.service.web,", ")%', "h1001, h1002"],
    ["%join(host.service.web,'')%", "h1001h1002"],
    ["%map(host.service.web,'$:80')%", "h1001:80,h1002:80"],
    ["%map(host.service.web,'$$$/$')%", "$h1001/h1001,$h1002/h1002"],
    ["%map(host.service.web,'x')%", "x,x"],
    ["%join(map(ip.service.web,'server $:80'),';')%", "server 10.0.0.2:80;server 10.0.0.3:80"],
    ["%map(host.self,'<$>')%", "<h1002>"],
    ["http://%ip.external.service.lb[0]%:8080/%num.service.web%", "http://127.0.0.1:8080/2"],
    // What is not there to be named stays as it is written; other macros of the text are expanded.
    ["%host.service.gone%", "%host.service.gone%"],
    ["%join(map(ip.service.gone,'$:1'),' ')% and %host.self%", "%join(map(ip.service.gone,'$:1'),' ')% and h1002"],
    ["%instance.self.service.lb%/%host.self%", "%instance.self.service.lb%/h1002"],
    // Literal text.
    ["", ""],
    ["%", "%"],
    ["100 %", "100 %"],
    ["100% of it, or 50%", "100% of it, or 50%"],
    ["%d%", "%d%"],
    ["%Y-%m-%d", "%Y-%m-%d"],
    ["%%", "%"],
    ["%%%%", "%%"],
    ["%%host.self%%", "%host.self%"],
    ["50%%: %host.self%", "50%: h1002"],
    ["%host.self", "%host.self"],
    ["% host.self %", "% host.self %"],
    ["%host.self%%host.self%", "h1002h1002"],
    ["90% on %host.self%", "90% on h1002"],
  ];
  for (const [text, value] of table) it(`expands ${JSON.stringify(text)}`, () => assert.equal(expand(text), value));

  const refused: readonly (readonly [text: string, message: RegExp, self?: number])[] = [
    ["%host.service.web[2]%", /only 2 nodes carry "web"/],
    ["%host.service.lb[1]%", /only 1 node carries "lb"/],
    ["%host.service.gone[0]%", /no node of the cluster carries "gone"/],
    ["%ip.external.service.bare%", /the address "external" of node 1003/],
    ["%ip.constructor.self%", /the address "constructor" of node 1002/],
    ["%ip.external.self%", /the address "external" of node 1003/, 1003],
    ["%host.other%", /There is no macro "host.other"/],
    ["%host.service.%", /There is no macro/],
    ["%num.service.web[0]%", /Only lists of nodes take an index/],
    ["%cluster.owner[0]%", /Only lists of nodes take an index/],
    ["%host.service.web[x]%", /An index is written \[0\]/],
    ["%host.service.web[0%", /An index is written \[0\]/],
    ["%host.service.web[-1]%", /An index is written \[0\]/],
    ["%join(host.service.web)%", /It must be/],
    ["%join(host.service.web,')%", /It must be/],
    ["%map(host.service.web,'it''s')%", /It must be/],
    ["%host.service.web [0]%", /It must be/],
    ["%join(host.service.web, ' ')%", /It must be/],
    ["%map(join(host.service.web,' '),'$')%", /It must be/],
    ["%join(host.service.web,' '%", /It must be/],
    ["%host.service.web,'x'%", /It must be/],
  ];
  for (const [text, message, self] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(
        () => expand(text, self),
        (error: LoomError) => {
          assert.equal(error.reason, "MACRO_ERROR");
          assert.match(error.message, message);
          return true;
        },
      ));
  }

  it("says which macro and where", () => {
    assert.throws(() => expand("ab %host.self% %host.no%"), {
      reason: "MACRO_ERROR",
      metadata: { macro: "%host.no%" },
      message: /%host\.no% at position 16 /,
    });
  });

  it("refuses to name a node itself where there is none", () => {
    for (const text of ["%host.self%", "%ip.self%", "%instance.self.service.web%"]) {
      assert.throws(() => expandMacros(text, contextOf(undefined)), {
        reason: "MACRO_ERROR",
        message: /this value is for no node/,
      });
    }
    assert.equal(expandMacros("%host.service.lb[0]%", contextOf(undefined)), "h1000");
  });

  it("expands what is deep in a value, leaves keys alone, and gives back what it need not change", () => {
    const value = { "%host.self%": ["%host.self%", 1, null, { a: "%num.service.web%", b: "plain" }], c: { d: ["x"] } };
    const expanded = expandMacros(value, contextOf(1002)) as typeof value;
    assert.deepEqual(expanded, { "%host.self%": ["h1002", 1, null, { a: "2", b: "plain" }], c: { d: ["x"] } });
    assert.equal(expanded.c, value.c);
    const plain = { a: ["x", { b: "100 %" }] };
    assert.equal(expandMacros(plain, contextOf(1002)), plain);
  });

  it("does not look at what it has put in again", () => {
    const odd = { ...nodes[2]!, hostname: "%cluster.owner%$", addresses: { internal: "%%" } };
    const context = contextOf(undefined, { self: odd, nodesOf: () => [odd] });
    assert.equal(expandMacros("%map(host.service.web,'$$$')% %ip.self%", context), "$%cluster.owner%$ %%");
  });

  it("gives any text back that has its percent signs doubled", () => {
    const texts = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom("%", "%%", "host.self", ".", "(", "'", " ", "a", "%host.self%", "join(", ",' ')"))
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => assert.equal(expand(text.replaceAll("%", "%%")), text)),
      { numRuns: 2000 },
    );
  });

  it("expands any text or refuses it, leaves none half done, and asks for no nodes but those of services it references", () => {
    const pieces = fc.constantFrom(
      "%",
      "%%",
      "%host.self%",
      "%ip.service.web%",
      "%host.service.lb[0]%",
      "%num.service.x.y%",
      "%instance.self.service.web%",
      "%join(map(ip.service.web,'$'),' ')%",
      " ",
      "text",
      "100% ",
      "(",
      "[0]",
      "'",
      ",",
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join("")),
        (text) => {
          const asked = new Set<string>();
          const { nodesOf } = contextOf(1002);
          const context = contextOf(1002, {
            nodesOf: (service) => {
              asked.add(service);
              return nodesOf(service);
            },
          });
          try {
            const expanded = expandMacros(text, context) as string;
            assert.deepEqual([...asked].sort(), macroReferences(text));
            assert.ok(
              !/%(host\.self|ip\.service\.web|host\.service\.lb\[0\])%/.test(expanded) || text.includes("%%"),
              expanded,
            );
          } catch (thrown) {
            assert.equal(LoomError.from(thrown).reason, "MACRO_ERROR", String(thrown));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("macroReferences", () => {
  it("names services once, in order, wherever in a value they stand", () => {
    assert.deepEqual(
      macroReferences({
        a: ["%ip.service.web% %host.service.lb[0]%", { b: "%num.service.web%" }],
        c: "%instance.self.service.db%",
        d: 1,
        e: null,
      }),
      ["db", "lb", "web"],
    );
    assert.deepEqual(macroReferences("%host.self% %cluster.owner% %ip.self% %host.wrong% %%host.service.web%%"), []);
    assert.deepEqual(macroReferences("%join(map(host.service.a.b,'$'),' ')%"), ["a.b"]);
  });
});
