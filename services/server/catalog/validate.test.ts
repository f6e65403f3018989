import assert from "node:assert/strict";
import fc from "fast-check";
import { catalogDocuments } from "../../../test/arbitraries/catalog.js";
import { buildCatalog, documentsOf } from "./build.js";
import { hasErrors, loadCatalog } from "./load.js";
import type { KnownPlugins } from "./plugins.js";
import { formatProblem } from "./problems.js";
import { validateCatalog, validationIndex } from "./validate.js";

const BASE = `
kind: Provider
name: docker
type: docker
---
{kind: HardwareType, name: small, providers: {docker: {flavor: s}}}
---
{kind: ImageType, name: debian, providers: {docker: {image: "debian:12"}}}
---
{kind: Service, name: db, provides: [database]}
`;

const PLUGINS: KnownPlugins = {
  unknown: "warning",
  types: [
    { kind: "PROVIDER", type: "docker", fields: [{ name: "network", type: "string", required: false }] },
    {
      kind: "AUTOMATOR",
      type: "shell",
      fields: [
        { name: "script", type: "string", required: true },
        { name: "env", type: "object" },
        { name: "tries", type: "integer" },
      ],
    },
  ],
};

/** Problems of a file that stands beside the documents of BASE. */
function problemsOf(text: string, plugins?: KnownPlugins): string[] {
  const { catalog } = loadCatalog([{ path: "base.yaml", text: BASE }]);
  return loadCatalog([{ path: "f.yaml", text }], plugins, catalog).problems.map(formatProblem);
}

describe("validateCatalog", () => {
  const table: { what: string; text: string; problems: string[]; plugins?: KnownPlugins }[] = [
    {
      what: "dependencies nobody answers to",
      text: "kind: Service\nname: web\ninstall: { requires: [db, databse], uses: [database, cache] }\nconflicts: [database, nothing]\n",
      problems: [
        'f.yaml:3:27: error: Service/web install.requires[1]: "web" requires "databse", which is no service and which no service provides. Did you mean "database"?',
        'f.yaml:3:54: warning: Service/web install.uses[1]: "web" uses "cache", which is no service and which no service provides.',
        'f.yaml:4:13: warning: Service/web conflicts[0]: There is no service "database"; it is only what "db" provides, and here the service itself is named.',
        'f.yaml:4:23: warning: Service/web conflicts[1]: There is no service "nothing".',
      ],
    },
    {
      what: "circles, named in full, in each service of them",
      text: "{kind: Service, name: a, runtime: {requires: [b]}}\n---\n{kind: Service, name: b, runtime: {uses: [x, c]}, install: {requires: [b]}}\n---\n{kind: Service, name: c, provides: [x], runtime: {requires: [a]}}\n",
      problems: [
        'f.yaml:1:47: error: Service/a runtime.requires[0]: These services depend on each other to run: "a" -> "b" -> "c" -> "a". Remove one of these dependencies.',
        'f.yaml:3:43: error: Service/b runtime.uses[0]: These services depend on each other to run: "a" -> "b" -> "c" -> "a". Remove one of these dependencies.',
        'f.yaml:3:72: error: Service/b install.requires[0]: "b" depends on itself to be installed: "b" -> "b". Remove one of these dependencies.',
        'f.yaml:5:62: error: Service/c runtime.requires[0]: These services depend on each other to run: "a" -> "b" -> "c" -> "a". Remove one of these dependencies.',
      ],
    },
    {
      what: "circles that another service would avoid, as warnings",
      text: "{kind: Service, name: a, runtime: {requires: [database]}}\n---\n{kind: Service, name: mysql, provides: [database], runtime: {requires: [a]}}\n",
      problems: [
        'f.yaml:1:47: warning: Service/a runtime.requires[0]: These services depend on each other to run when all of them are in one cluster: "a" -> "mysql" -> "a".',
        'f.yaml:3:73: warning: Service/mysql runtime.requires[0]: These services depend on each other to run when all of them are in one cluster: "a" -> "mysql" -> "a".',
      ],
    },
    {
      what: "what a template names and what does not exist",
      text: `kind: ClusterTemplate
name: t
extends: tt
includes: [p]
defaults: { services: [db, dbb], provider: dcker, hardwareType: smal, imageType: debain }
compatibility: { hardwareTypes: [smll], imageTypes: [debian, x], services: [db, y] }
constraints:
  services: { z: { max: 3, hardwareTypes: [h], imageTypes: [i] } }
  layout: { mustCoexist: [[db, m]], cantCoexist: [[db, n]] }
check: { service: q, script: "true" }
`,
      problems: [
        'f.yaml:3:10: error: ClusterTemplate/t extends: There is no template "tt". Did you mean "t"?',
        'f.yaml:4:12: error: ClusterTemplate/t includes[0]: There is no partial template "p".',
        'f.yaml:5:28: error: ClusterTemplate/t defaults.services[1]: There is no service "dbb". Did you mean "db"?',
        'f.yaml:5:44: error: ClusterTemplate/t defaults.provider: There is no provider "dcker". Did you mean "docker"?',
        'f.yaml:5:65: error: ClusterTemplate/t defaults.hardwareType: There is no hardware type "smal". Did you mean "small"?',
        'f.yaml:5:82: error: ClusterTemplate/t defaults.imageType: There is no image type "debain". Did you mean "debian"?',
        'f.yaml:6:34: warning: ClusterTemplate/t compatibility.hardwareTypes[0]: There is no hardware type "smll". Did you mean "small"?',
        'f.yaml:6:62: warning: ClusterTemplate/t compatibility.imageTypes[1]: There is no image type "x".',
        'f.yaml:6:81: warning: ClusterTemplate/t compatibility.services[1]: There is no service "y".',
        'f.yaml:8:15: warning: ClusterTemplate/t constraints.services.z: There is no service "z".',
        'f.yaml:8:44: warning: ClusterTemplate/t constraints.services.z.hardwareTypes[0]: There is no hardware type "h".',
        'f.yaml:8:61: warning: ClusterTemplate/t constraints.services.z.imageTypes[0]: There is no image type "i".',
        'f.yaml:9:32: warning: ClusterTemplate/t constraints.layout.mustCoexist[0][1]: There is no service "m".',
        'f.yaml:9:56: warning: ClusterTemplate/t constraints.layout.cantCoexist[0][1]: There is no service "n".',
        'f.yaml:10:19: error: ClusterTemplate/t check.service: There is no service "q".',
      ],
    },
    {
      what: "defaults that cannot work together",
      text: `kind: ClusterTemplate
name: t
defaults: { services: [web, cache] }
check: { service: db, script: "true" }
---
{kind: Service, name: web, install: {requires: [database]}, conflicts: [cache]}
---
{kind: Service, name: cache}
`,
      problems: [
        'f.yaml:3:24: warning: ClusterTemplate/t defaults.services[0]: "web" conflicts with "cache", and both are among the template\'s services. Remove one of the two.',
        'f.yaml:3:24: warning: ClusterTemplate/t defaults.services[0]: "web" requires "database", which is not among the template\'s services. Add "database", or create with --with-dependencies.',
        'f.yaml:4:19: error: ClusterTemplate/t check.service: The check runs on a node of "db", which is not among the template\'s services. Add "db" to "defaults.services", or name one of them.',
      ],
    },
    {
      what: "templates that build on each other or on what has errors",
      text: `{kind: ClusterTemplate, name: a, extends: b}
---
{kind: ClusterTemplate, name: b, extends: a}
---
{kind: PartialTemplate, name: bad, defaults: {provider: nowhere}}
---
{kind: ClusterTemplate, name: c, includes: [bad]}
---
{kind: ClusterTemplate, name: d, extends: c}
---
{kind: ClusterTemplate, name: good, defaults: {services: [db], provider: docker}}
`,
      problems: [
        'f.yaml:1:43: error: ClusterTemplate/a extends: It builds on itself: "a" -> "b" -> "a". Remove one of these steps.',
        'f.yaml:3:43: error: ClusterTemplate/b extends: It builds on itself: "b" -> "a" -> "b". Remove one of these steps.',
        'f.yaml:5:57: error: PartialTemplate/bad defaults.provider: There is no provider "nowhere".',
        'f.yaml:7:45: error: ClusterTemplate/c includes[0]: It builds on PartialTemplate "bad", which has an error: There is no provider "nowhere".',
        'f.yaml:9:43: error: ClusterTemplate/d extends: It builds on PartialTemplate "bad", which has an error: There is no provider "nowhere".',
      ],
    },
    {
      what: "immutable configuration that is set again",
      text: `{kind: PartialTemplate, name: fixed, immutable: true, defaults: {config: {web: {port: 80}}}}
---
{kind: ClusterTemplate, name: t, includes: [fixed], defaults: {config: {web: {port: 81, color: red}}}}
---
{kind: ClusterTemplate, name: u, extends: t}
`,
      problems: [
        'f.yaml:3:85: error: ClusterTemplate/t defaults.config.web.port: ClusterTemplate "t" sets "web.port" in its configuration, which the immutable partial template "fixed" fixes. Remove it.',
        'f.yaml:5:43: error: ClusterTemplate/u extends: ClusterTemplate "t" sets "web.port" in its configuration, which the immutable partial template "fixed" fixes.',
      ],
    },
    {
      what: "bounds that contradict each other once merged",
      text: `{kind: ClusterTemplate, name: a, constraints: {size: {min: 5}, services: {db: {min: 2}}}}
---
{kind: ClusterTemplate, name: b, extends: a, constraints: {size: {max: 3}, services: {db: {max: 1}}}}
`,
      problems: [
        "f.yaml:3:66: error: ClusterTemplate/b constraints.size: With what it builds on, the maximum 3 is below the minimum 5.",
        "f.yaml:3:91: error: ClusterTemplate/b constraints.services.db: With what it builds on, the maximum 1 is below the minimum 2.",
      ],
    },
    {
      what: "plugin types and their fields",
      plugins: PLUGINS,
      text: `{kind: Provider, name: p, type: dokcer}
---
{kind: Provider, name: q, type: docker, fields: {network: 5, netwrk: x}}
---
kind: Service
name: web
actions:
  install: { type: ansible }
  start: { fields: { script: "x", tries: "%num.service.web%" } }
  stop: {}
  remove:
    fields: { env: [] }
    variants:
      - imageTypes: [debian]
        fields: { script: "y" }
      - fields: { scrip: "z" }
---
{kind: ClusterTemplate, name: t, check: {service: db, script: "true"}}
`,
      problems: [
        'f.yaml:1:33: warning: Provider/p type: There is no provider type "dokcer". Did you mean "docker"?',
        'f.yaml:3:59: error: Provider/q fields.network: The field "network" of provider type "docker" must be text.',
        'f.yaml:3:62: warning: Provider/q fields.netwrk: The provider type "docker" has no field "netwrk". Did you mean "network"?',
        'f.yaml:8:20: warning: Service/web actions.install.type: There is no automator type "ansible". Known are: shell.',
        'f.yaml:10:9: error: Service/web actions.stop.fields.script: The automator type "shell" needs the field "script".',
        'f.yaml:15:17: error: Service/web actions.remove.variants[0].fields.env: The field "env" of automator type "shell" must be a mapping.',
        'f.yaml:16:17: error: Service/web actions.remove.variants[1].fields.env: The field "env" of automator type "shell" must be a mapping.',
        'f.yaml:16:17: error: Service/web actions.remove.variants[1].fields.script: The automator type "shell" needs the field "script".',
        'f.yaml:16:19: warning: Service/web actions.remove.variants[1].fields.scrip: The automator type "shell" has no field "scrip". Did you mean "script"?',
      ],
    },
    {
      what: "macros that cannot come right",
      text: `kind: Service
name: web
config: { a: "%host.self% %ip.service.bd%", b: ["100% of 50%", "%num.services.db%"], "%bad.key%": 1 }
actions:
  start:
    fields: { script: "date +%a.%b%", env: { X: "%ip.service.x[0]%" } }
    variants: [{ fields: { env: { Y: "%join(ip.self,x)%" } } }]
---
kind: PartialTemplate
name: one
constraints: { services: { db: { max: 1 } } }
---
kind: ClusterTemplate
name: t
includes: [one]
defaults: { config: { x: "%host.service.db[1]%", y: "%host.service.db[0]%" } }
links: [{ label: l, url: "http://%ip.self%/" }]
`,
      problems: [
        'f.yaml:3:14: warning: Service/web config.a: There is no service "bd" for the macro %ip.service.bd%. Did you mean "db"?',
        'f.yaml:3:64: error: Service/web config.b[1]: The macro %num.services.db% cannot be expanded: There is no macro "num.services.db". Known are cluster.owner, host.self, host.service.NAME, ip.self, ip.service.NAME, ip.PURPOSE.self, ip.PURPOSE.service.NAME, num.service.NAME and instance.self.service.NAME.',
        'f.yaml:6:49: error: Service/web actions.start.fields.env.X: The macro %ip.service.x[0]% cannot be expanded: there is no service "x".',
        "f.yaml:7:38: error: Service/web actions.start.variants[0].fields.env.Y: The macro %join(ip.self,x)% cannot be expanded: It must be name, map(name,'…') or join(…,'…'), with no spaces outside of the quotes.",
        'f.yaml:16:26: error: ClusterTemplate/t defaults.config.x: The macro %host.service.db[1]% cannot be expanded: "db" is on at most 1 node, counted from 0.',
        "f.yaml:17:26: error: ClusterTemplate/t links[0].url: The macro %ip.self% cannot be expanded: it names the node itself, and this text is for the whole cluster. Name a node of a service instead, such as host.service.NAME[0].",
      ],
    },
    {
      what: "unknown plugin types of a server that was asked, as errors",
      plugins: { ...PLUGINS, unknown: "error" },
      text: "{kind: Provider, name: p, type: ec2}\n",
      problems: ['f.yaml:1:33: error: Provider/p type: There is no provider type "ec2". Known are: docker.'],
    },
  ];
  for (const { what, text, problems, plugins } of table) {
    it(`finds ${what}`, () => assert.deepEqual(problemsOf(text, plugins), problems));
  }

  it("finds nothing in a catalog that is well", () => {
    assert.deepEqual(loadCatalog([{ path: "base.yaml", text: BASE }], PLUGINS).problems, []);
    assert.deepEqual(
      problemsOf(
        '{kind: ClusterTemplate, name: t, defaults: {services: [db]}, check: {service: db, script: "true"}}',
        PLUGINS,
      ),
      [],
    );
  });

  it("does not blame others for a document that could only be read in part", () => {
    const { problems } = loadCatalog([
      { path: "a.yaml", text: "kind: Service\nname: web\nruntime: { requires: [nothing] }\n bad: 1\n" },
      { path: "b.yaml", text: "{kind: ClusterTemplate, name: t, defaults: {services: [web]}}" },
    ]);
    assert.deepEqual(
      problems.map((problem) => problem.file),
      ["a.yaml"],
    );
  });

  it("tells what becomes of the documents that are there already", () => {
    const { catalog } = loadCatalog([
      {
        path: "base.yaml",
        text: `${BASE}---\n{kind: ClusterTemplate, name: old, defaults: {services: [db]}, constraints: {services: {db: {max: 1}}}, extends: parent}\n---\n{kind: ClusterTemplate, name: parent}\n`,
      },
    ]);
    const { problems, elsewhere } = loadCatalog(
      [{ path: "f.yaml", text: "{kind: ClusterTemplate, name: parent, constraints: {services: {db: {min: 2}}}}" }],
      undefined,
      catalog,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(elsewhere.map(formatProblem), [
      "error: ClusterTemplate/old constraints.services.db: With what it builds on, the maximum 1 is below the minimum 2.",
    ]);
  });

  it("indexes problems by document", () => {
    const { catalog } = loadCatalog([
      {
        path: "f.yaml",
        text: "{kind: ClusterTemplate, name: t, defaults: {services: [no]}}\n---\n{kind: Service, name: t, conflicts: [x]}",
      },
    ]);
    const index = validationIndex(catalog);
    assert.equal(index.errorOf("ClusterTemplate", "t")?.path, "defaults.services[0]");
    assert.equal(index.errorOf("Service", "t"), undefined);
    assert.deepEqual(
      index.of("Service", "t").map((problem) => problem.severity),
      ["warning"],
    );
    assert.deepEqual(index.of("Service", "other"), []);
  });

  it("answers for any catalog and changes nothing in it", () => {
    fc.assert(
      fc.property(catalogDocuments(), (documents) => {
        const before = JSON.stringify(documents);
        const catalog = buildCatalog(documents);
        const problems = validateCatalog(catalog, { plugins: PLUGINS });
        assert.equal(JSON.stringify(documents), before);
        assert.deepEqual(validateCatalog(buildCatalog(documents.toReversed()), { plugins: PLUGINS }), problems);
        const known = new Set([...documentsOf(catalog)].map(({ kind, name }) => `${kind}/${name}`));
        for (const problem of problems) assert.ok(known.has(problem.document));
      }),
    );
  });

  it("is quick with ten thousand services in one circle and as many templates in one line", () => {
    const many = Array.from({ length: 10_000 }, (_, n) => n);
    const catalog = buildCatalog([
      ...many.map((n) => ({
        kind: "Service" as const,
        name: `s${n}`,
        body: { runtime: { requires: [`s${(n + 1) % 10_000}`] } },
      })),
      ...many.map((n) => ({
        kind: "ClusterTemplate" as const,
        name: `t${n}`,
        body: n === 0 ? {} : { extends: `t${n - 1}` },
      })),
    ]);
    const problems = validateCatalog(catalog);
    assert.ok(hasErrors(problems));
    assert.equal(problems.filter((problem) => problem.path === "runtime.requires[0]").length, 10_000);
    assert.match(
      problems.find((problem) => problem.document === "ClusterTemplate/t9999")!.message,
      /more than 32 templates/,
    );
  });
});
