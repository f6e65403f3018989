import assert from "node:assert/strict";
import fc from "fast-check";
import { catalogDocuments, storableText } from "../../../test/arbitraries/catalog.js";
import { exportDocuments } from "./export.js";
import { MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, MAX_PROBLEMS } from "./limits.js";
import { parseCatalog } from "./parse.js";
import { formatProblem } from "./problems.js";

/** Problems of one file as lines of text. */
function problemsOf(text: string, path = "f.yaml"): string[] {
  return parseCatalog([{ path, text }]).problems.map(formatProblem);
}

describe("parseCatalog", () => {
  it("reads YAML documents, lists and JSON", () => {
    const { documents, problems } = parseCatalog([
      {
        path: "a.yaml",
        text: "# first\nkind: Service\nname: web\ndescription: A server.\n---\n---\nkind: ImageType\nname: debian\n",
      },
      {
        path: "b.json",
        text: '[{"kind": "Provider", "name": "docker", "type": "docker"},\n\t{"kind": "Provider", "name": "local", "type": "local"}]',
      },
      { path: "c.yml", text: "- kind: HardwareType\n  name: small\n" },
      { path: "empty.yaml", text: "# nothing\n" },
    ]);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      documents.map(({ document, file, line }) => [document.kind, document.name, document.body, `${file}:${line}`]),
      [
        ["Service", "web", { description: "A server." }, "a.yaml:2"],
        ["ImageType", "debian", {}, "a.yaml:7"],
        ["Provider", "docker", { type: "docker" }, "b.json:1"],
        ["Provider", "local", { type: "local" }, "b.json:2"],
        ["HardwareType", "small", {}, "c.yml:1"],
      ],
    );
  });

  it("takes fields that say nothing for fields that are not there", () => {
    const text = `kind: ClusterTemplate
name: t
description: ""
extends:
includes: []
stopBeforeDelete: false
compatibility: { services: [] }
constraints: { services: { web: { min: 0, max: 3, imageTypes: [] } } }
check: { service: web, script: "true", timeoutSeconds: 0 }
defaults: { config: { web: { empty: "", none: null, list: [], zero: 0, off: false } } }
`;
    assert.deepEqual(parseCatalog([{ path: "t.yaml", text }]).documents[0]!.document.body, {
      constraints: { services: { web: { min: 0, max: 3 } } },
      check: { service: "web", script: "true" },
      defaults: { config: { web: { empty: "", none: null, list: [], zero: 0, off: false } } },
    });
  });

  const table: { what: string; text: string; problems: string[] }[] = [
    {
      what: "unknown fields, with what was meant",
      text: "kind: Service\nname: web\ndesciption: x\nruntime:\n  require: [db]\nmustCoexist: []\nzzz: 1\nimmutable: true\n",
      problems: [
        'f.yaml:3:1: error: Service/web desciption: A Service has no field "desciption". Did you mean "description"?',
        'f.yaml:5:3: error: Service/web runtime.require: "runtime" has no field "require". Did you mean "requires"?',
        'f.yaml:6:1: error: Service/web mustCoexist: A Service has no field "mustCoexist".',
        'f.yaml:7:1: error: Service/web zzz: A Service has no field "zzz".',
        'f.yaml:8:1: error: Service/web immutable: A Service has no field "immutable". Only PartialTemplate have it.',
      ],
    },
    {
      what: "fields in the wrong place",
      text: "kind: ClusterTemplate\nname: t\nservices: [web]\nconstraints:\n  hardware_types: []\n  mustcoexist: []\n",
      problems: [
        'f.yaml:3:1: error: ClusterTemplate/t services: A ClusterTemplate has no field "services". It belongs to "defaults.services" or "compatibility.services" or "constraints.services".',
        'f.yaml:5:3: error: ClusterTemplate/t constraints.hardware_types: "constraints" has no field "hardware_types".',
        'f.yaml:6:3: error: ClusterTemplate/t constraints.mustcoexist: "constraints" has no field "mustcoexist".',
      ],
    },
    {
      what: "wrong types",
      text: "kind: Service\nname: web\nprovides: lb\nconflicts: [5, [a]]\ninstall: yes please\nconfig: 5\nactions:\n  start:\nlinks: [{label: x}]\n",
      problems: [
        'f.yaml:3:11: error: Service/web provides: must be a list, not the text "lb". Write ["lb"].',
        'f.yaml:4:13: error: Service/web conflicts[0]: must be text, not 5. Write "5" in quotes.',
        "f.yaml:4:16: error: Service/web conflicts[1]: must be text, not a list.",
        'f.yaml:5:10: error: Service/web install: must be a mapping, not the text "yes please".',
        "f.yaml:6:9: error: Service/web config: must be a mapping, not 5.",
        "f.yaml:8:3: error: Service/web actions.start: must be a mapping, not nothing. Write {} where it is meant to be empty.",
        'f.yaml:9:9: error: Service/web links[0]: "url" is missing.',
      ],
    },
    {
      what: "durations of leases, and leases that contradict themselves",
      text: "kind: ClusterTemplate\nname: t\nlease:\n  initial: 8\n  max: 1 week\n  step: '0'\n---\nkind: ClusterTemplate\nname: u\nlease: { initial: 40d, max: 30d, maxx: 1d }\n---\nkind: PartialTemplate\nname: v\nlease: { initial: 0, max: 1d }\n",
      problems: [
        'f.yaml:4:12: error: ClusterTemplate/t lease.initial: "8" is not a duration. Write it like 90m, 8h, 1d12h or 30d, at most 3650d; 0 is no limit.',
        'f.yaml:5:8: error: ClusterTemplate/t lease.max: "1 week" is not a duration. Write it like 90m, 8h, 1d12h or 30d, at most 3650d; 0 is no limit.',
        'f.yaml:10:19: error: ClusterTemplate/u lease.initial: The initial lease of 40d is longer than the maximum of 30d. Leave "initial" out, which gives new clusters the maximum, or lower it.',
        'f.yaml:10:34: error: ClusterTemplate/u lease.maxx: "lease" has no field "maxx". Did you mean "max"?',
        'f.yaml:14:19: error: PartialTemplate/v lease.initial: A lease without end is longer than the maximum of 1d. Leave "initial" out, which gives new clusters the maximum, or lower it.',
      ],
    },
    {
      what: "prices",
      text: "kind: HardwareType\nname: h\nprice: { perHour: 0.12, currency: EUR }\nproviders:\n  cloud:\n    flavor: m\n    price: { perHour: '1,5', currency: euro }\n  other:\n    price: { perHour: '1' }\n",
      problems: [
        'f.yaml:3:19: error: HardwareType/h price.perHour: must be text, not 0.12. Write "0.12" in quotes.',
        'f.yaml:7:23: error: HardwareType/h providers.cloud.price.perHour: "1,5" is not a price. Write digits, and after a dot at most 12 more, such as "0.12".',
        'f.yaml:7:40: error: HardwareType/h providers.cloud.price.currency: "euro" is not a currency. Write its three letters, such as EUR or USD.',
        'f.yaml:9:12: error: HardwareType/h providers.other.price: "currency" is missing.',
      ],
    },
    {
      what: "wrong types of numbers and switches",
      text: "kind: ClusterTemplate\nname: t\nstopBeforeDelete: yes\nconstraints:\n  size: { min: '2', max: 1.5 }\n",
      problems: [
        'f.yaml:3:19: error: ClusterTemplate/t stopBeforeDelete: must be true or false, not the text "yes". Write true.',
        'f.yaml:5:16: error: ClusterTemplate/t constraints.size.min: must be a whole number, not the text "2". Write 2 without quotes.',
        "f.yaml:5:26: error: ClusterTemplate/t constraints.size.max: must be a whole number from 1 to 2147483647, not 1.5.",
      ],
    },
    {
      what: "values out of range",
      text: `kind: ClusterTemplate
name: t
defaults: { dnsSuffix: .local, provider: "my provider" }
constraints:
  services:
    a: { min: -1 }
    b: { min: 3, max: 2 }
    c: { max: 0 }
    "no name!": { min: 1 }
  size: { min: 0 }
  layout: { cantCoexist: [[a]] }
check: { service: a, timeoutSeconds: 9999999 }
`,
      problems: [
        'f.yaml:3:24: error: ClusterTemplate/t defaults.dnsSuffix: ".local" is not a suffix of host names. Use labels of letters, digits and "-" with dots between them, no dot at the start, at most 191 characters, such as "example.org".',
        'f.yaml:3:42: error: ClusterTemplate/t defaults.provider: "my provider" is not a name. Use a letter or digit, then letters, digits, "_", "." and "-", at most 255 characters.',
        "f.yaml:6:15: error: ClusterTemplate/t constraints.services.a.min: must be a whole number from 0 to 10000, not -1.",
        "f.yaml:7:23: error: ClusterTemplate/t constraints.services.b.max: The maximum 2 is below the minimum 3.",
        "f.yaml:8:15: error: ClusterTemplate/t constraints.services.c.max: The maximum 0 is below the minimum, which is 1 where nothing is said. Write min: 0 where it may be left out.",
        'f.yaml:9:5: error: ClusterTemplate/t constraints.services["no name!"]: "no name!" is not a name. Use a letter or digit, then letters, digits, "_", "." and "-", at most 255 characters.',
        "f.yaml:10:16: error: ClusterTemplate/t constraints.size.min: must be a whole number from 1 to 10000, not 0.",
        "f.yaml:11:27: error: ClusterTemplate/t constraints.layout.cantCoexist[0]: A list of cantCoexist with one service means nothing. Name at least two services in it.",
        'f.yaml:12:8: error: ClusterTemplate/t check: The check does nothing. Give it a "script".',
        "f.yaml:12:38: error: ClusterTemplate/t check.timeoutSeconds: must be a whole number from 0 to 604800, not 9999999.",
      ],
    },
    {
      what: "actions that contradict themselves",
      text: `kind: Service
name: web
actions:
  begin: {}
  start:
    fields: { script: "a" }
    variants:
      - imageTypes: [debian]
        fields: { script: "b" }
      - imageTypes: [debian, debian]
        fields: { script: "c" }
      - fields: { script: "d" }
      - fields: { script: "e" }
config: { a: { generate: pasword }, b: { generate: password, n: 1 }, c: { $secret: x } }
`,
      problems: [
        'f.yaml:4:3: error: Service/web actions.begin: "begin" is not one of install, configure, initialize, start, stop, remove.',
        "f.yaml:6:23: warning: Service/web actions.start.fields.script: This script is never used: every variant has its own. Move it into a variant without imageTypes, which is for every image type that no other variant names.",
        'f.yaml:10:22: error: Service/web actions.start.variants[1].imageTypes[0]: The image type "debian" is in variant 0 already. Remove it from one of the two.',
        'f.yaml:10:30: warning: Service/web actions.start.variants[1].imageTypes[1]: "debian" is in this list already. Remove one of the two.',
        'f.yaml:13:9: error: Service/web actions.start.variants[3]: Variants 2 and 3 are both for every other image type. Name the image types of one of them under "imageTypes".',
        'f.yaml:14:26: error: Service/web config.a.generate: Loom can generate a password, not "pasword". Write {generate: password}.',
        'f.yaml:14:52: error: Service/web config.b.generate: "generate" stands with other keys, but nothing else can. Write {generate: password} as the whole value.',
        'f.yaml:14:84: error: Service/web config.c["$secret"]: The key "$secret" is Loom\'s own. Write {generate: password} to have a secret made.',
      ],
    },
    {
      what: "documents without kind or name",
      text: "name: a\n---\nkind: Servce\nname: b\n---\nkind: Service\n---\nkind: Service\nname: 5\n---\nkind: Service\nname: a b\n---\njust text\n",
      problems: [
        'f.yaml:1:1: error: "kind" is missing. It is one of Provider, HardwareType, ImageType, Service, ClusterTemplate, PartialTemplate.',
        'f.yaml:3:7: error: kind: "Servce" is not a kind of document; the kinds are Provider, HardwareType, ImageType, Service, ClusterTemplate, PartialTemplate. Did you mean "Service"?',
        'f.yaml:6:1: error: "name" is missing.',
        'f.yaml:9:7: error: name: "name" must be text. Put it into quotes.',
        'f.yaml:12:7: error: name: "a b" is not a name. Use a letter or digit, then letters, digits, "_", "." and "-", at most 255 characters.',
        'f.yaml:14:1: error: A document is a mapping with "kind" and "name".',
      ],
    },
    {
      what: "what cannot be kept exactly",
      text: 'kind: Provider\nname: p\ntype: t\nfields:\n  a: .inf\n  b: 12345678901234567890\n  c: !money 5\n  d: "\\0"\n  <<: {}\n  ? [1]\n  : 2\n  a: 1\n  : 3\n',
      problems: [
        "f.yaml:5:6: error: .inf is not a number that JSON knows. Put it into quotes where text is meant.",
        "f.yaml:6:6: error: The number 12345678901234567890 is too large to be kept exactly. Put it into quotes.",
        "f.yaml:7:6: error: Unresolved tag: !money.",
        "f.yaml:8:6: error: The text holds a NUL character or half of a surrogate pair, which cannot be stored.",
        "f.yaml:9:3: error: Merge keys (<<) are not supported. Write the fields out, or use an alias as a whole value.",
        "f.yaml:10:5: error: A key must be plain text. Put it into quotes.",
        'f.yaml:12:3: error: The key "a" is here twice. Remove one of the two.',
        "f.yaml:13:1: error: A key is missing before the colon.",
      ],
    },
    {
      what: "mistakes in the YAML, and what is wrong above them",
      text: "kind: Service\nname: web\ndesciption: x\nconfig:\n  port: 80\n bad: 1\nprovides: 5\n",
      problems: [
        'f.yaml:3:1: error: Service/web desciption: A Service has no field "desciption". Did you mean "description"?',
        "f.yaml:6:1: error: All mapping items must start at the same column. Indent with spaces, the fields of one mapping all by the same number.",
      ],
    },
  ];
  for (const { what, text, problems } of table) {
    it(`finds ${what}`, () => assert.deepEqual(problemsOf(text), problems));
  }

  it("finds a document that is defined twice, over all files, and keeps the first", () => {
    const { documents, problems } = parseCatalog([
      { path: "a.yaml", text: "kind: Service\nname: web\ndescription: first\n" },
      { path: "b.yaml", text: "kind: ImageType\nname: web\n---\nkind: Service\nname: web\n" },
    ]);
    assert.deepEqual(problems.map(formatProblem), [
      'b.yaml:5:7: error: Service/web name: The Service "web" is defined already, at a.yaml:2. Rename or remove one of the two.',
    ]);
    assert.deepEqual(
      documents.map((one) => [one.document.kind, one.document.body]),
      [
        ["Service", { description: "first" }],
        ["ImageType", {}],
      ],
    );
  });

  it("writes aliases out and gives their places", () => {
    const text = "kind: Service\nname: web\ninstall: &d\n  requires: [a, 7]\nruntime: *d\n";
    const { documents, problems } = parseCatalog([{ path: "f.yaml", text }]);
    assert.deepEqual(documents[0]!.document.body, { install: { requires: ["a"] }, runtime: { requires: ["a"] } });
    assert.deepEqual(
      problems.map((problem) => [problem.path, problem.line, problem.column]),
      [
        ["install.requires[1]", 4, 17],
        ["runtime.requires[1]", 4, 17],
      ],
    );
  });

  describe("refuses what is made to hurt", () => {
    const bomb = [
      "kind: Service",
      "name: x",
      "config:",
      '  a0: &a0 ["0123456789"]',
      ...Array.from(
        { length: 12 },
        (_, n) => `  a${n + 1}: &a${n + 1} [${Array.from({ length: 9 }, () => `*a${n}`).join(", ")}]`,
      ),
    ].join("\n");
    const cases: [string, string, RegExp][] = [
      [
        "aliases that multiply",
        bomb,
        /^f.yaml:1:1: error: The document is larger than 1024 KiB, aliases written out\./,
      ],
      [
        "an alias that holds itself",
        "kind: Service\nname: x\nconfig: &a { b: *a }\n",
        /^f.yaml:3:17: error: The anchor &a holds itself\./,
      ],
      [
        "an alias of nothing",
        "kind: Service\nname: x\nconfig: *a\n",
        /^f.yaml:3:9: error: Nothing above has the anchor &a\./,
      ],
      [
        "deep nesting in brackets",
        "[".repeat(1_000_000),
        /^f.yaml:1:\d+: error: Mappings and lists are nested more than 32 levels deep\./,
      ],
      [
        "deep nesting by indentation",
        `kind: Service\nname: x\nconfig:\n${Array.from({ length: 100 }, (_, n) => `${" ".repeat(n + 1)}a:`).join("\n")} 1\n`,
        /nested more than 32 levels deep/,
      ],
      [
        "deep nesting behind aliases",
        `kind: Service\nname: x\nconfig: {a: &a ${"[".repeat(20)}${"]".repeat(20)}, b: ${"[".repeat(20)}*a${"]".repeat(20)}}`,
        /With the alias \*a written out/,
      ],
      [
        "a document too large",
        `kind: Service\nname: x\ndescription: ${"x".repeat(MAX_DOCUMENT_BYTES)}\n`,
        /^f.yaml:1:1: error: The document is larger than 1024 KiB/,
      ],
      [
        "a file too large",
        `#${"x".repeat(MAX_FILE_BYTES)}`,
        /^f.yaml:1:1: error: The file is larger than 8 MiB\. Split it/,
      ],
      [
        "too many documents",
        "---\n".repeat(20_000),
        /^f.yaml:10001:1: error: The file holds more than 10000 documents\./,
      ],
      [
        "keys of JavaScript's own",
        '{"kind": "Service", "name": "x", "config": {"__proto__": {"a": 1}}}',
        /^f.yaml:1:45: error: The key "__proto__" is not allowed\./,
      ],
    ];
    for (const [what, text, expected] of cases) {
      it(what, () => assert.match(problemsOf(text)[0] ?? "", expected));
    }

    it("many problems, of which the first are given", () => {
      const lines = problemsOf(
        `kind: Service\nname: x\n${Array.from({ length: 2_000 }, (_, n) => `f${n}: 1\n`).join("")}`,
      );
      assert.equal(lines.length, MAX_PROBLEMS + 1);
      assert.match(lines.at(-1)!, /There are 1500 more problems in this file/);
    });

    it("names that look like an object's own", () => {
      const { documents, problems } = parseCatalog([
        {
          path: "f.yaml",
          text: "kind: Service\nname: constructor\nconfig: { toString: 1, hasOwnProperty: 2 }\ntoString: 1\n",
        },
      ]);
      assert.deepEqual(
        problems.map((problem) => problem.path),
        ["toString"],
      );
      assert.deepEqual(documents[0]!.document.body, { config: { toString: 1, hasOwnProperty: 2 } });
    });
  });

  /** Texts near YAML: words of documents and signs of the syntax. */
  const nearYaml = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "kind: Service\n",
          "name: web\n",
          "config:\n",
          "  a: 1\n",
          "actions:\n",
          "- ",
          "? ",
          ": ",
          "[",
          "]",
          "{",
          "}",
          ",",
          "&a ",
          "*a",
          "!t ",
          "|\n",
          ">-\n",
          "'",
          '"',
          "#",
          "%YAML 1.1\n",
          "---\n",
          "...\n",
          "\t",
          "\r\n",
          "  ",
          "\uFEFF",
          "<<: *a\n",
          "\\",
        ),
        storableText(),
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(""));

  for (const [what, texts] of Object.entries({
    "arbitrary text": fc.string({ unit: "binary" }),
    "text near YAML": nearYaml,
  })) {
    it(`never throws on ${what}, and every problem is at a place in the file`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          const lines = text.split("\n");
          for (const { line, column, message } of parseCatalog([{ path: "f", text }]).problems) {
            assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
            assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1, `column ${column}`);
            assert.notEqual(message, "");
          }
        }),
        { numRuns: 1_000 },
      );
    });
  }

  it("gives a broken character of good documents a place too", () => {
    fc.assert(
      fc.property(
        catalogDocuments(),
        fc.nat(),
        fc.constantFrom("", ":", "[", "\t", "'", "&x", "\n"),
        (documents, at, change) => {
          const text = exportDocuments(documents);
          const where = at % (text.length + 1);
          const lines = (text.slice(0, where) + change + text.slice(where + 1)).split("\n");
          for (const { line } of parseCatalog([{ path: "f", text: lines.join("\n") }]).problems)
            assert.ok(line >= 1 && line <= lines.length);
        },
      ),
    );
  });
});
