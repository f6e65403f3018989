import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { loadCatalog } from "../load.js";
import type { KnownPlugins } from "../plugins.js";
import { lintCatalog } from "./lint.js";
import { LOOM_VARIABLES } from "./script-rules.js";
import { LINT_RULES } from "./types.js";

const PLUGINS: KnownPlugins = {
  unknown: "warning",
  types: [
    { kind: "PROVIDER", type: "local", fields: [] },
    {
      kind: "AUTOMATOR",
      type: "shell",
      fields: [
        { name: "script", type: "string", required: true },
        { name: "env", type: "object" },
      ],
    },
  ],
};

const VIEW = loadCatalog([
  {
    path: "view",
    text: `kind: Provider
name: local
type: local
---
kind: HardwareType
name: any
providers: { local: { flavor: any }, docker: { flavor: any } }
---
kind: ImageType
name: here
providers: { local: { image: here } }
---
kind: ImageType
name: debian
providers: { docker: { image: debian } }
---
kind: Service
name: db
config: { port: 5432 }
actions: { start: { fields: { script: "loom-config db port" } } }
`,
  },
]).catalog;

/** `line:column severity rule message`, without the messages that a test is not about. */
function lint(text: string, rule?: string): string[] {
  return lintCatalog([{ path: "f.yaml", text }], PLUGINS, VIEW)
    .problems.filter((one) => rule === undefined || one.rule === rule)
    .map(({ line, column, severity, rule: of, message }) => `${line}:${column} ${severity} ${of}: ${message}`);
}

const service = (script: string, more = ""): string => `kind: Service
name: web
${more}actions:
  start:
    fields:
      script: |
${script
  .split("\n")
  .map((line) => `        ${line}`)
  .join("\n")}
`;

const TEMPLATE = `---
kind: ClusterTemplate
name: farm
defaults: { services: [web], provider: local }
check: { service: web, script: "true" }
`;

describe("lint of documents", () => {
  it("has rules that the guide for authors names, every one", () => {
    const guide = readFileSync(new URL("../../../../docs/guide/writing-a-template.md", import.meta.url), "utf8");
    for (const rule of LINT_RULES) if (rule !== "catalog") assert.ok(guide.includes(`\`${rule}\``), rule);
  });

  it("knows the variables that scripts find set", () => {
    const sources = ["automators/shell/shell.ts", "node/loom-run"].map((path) =>
      readFileSync(new URL(`../../../provisioner/${path}`, import.meta.url), "utf8"),
    );
    const set = sources.join("\n").match(/\bLOOM_[A-Z]+(?=[:=])/g)!;
    assert.deepEqual([...new Set(set)].sort(), [...LOOM_VARIABLES]);
  });

  it("says nothing of documents that are right", () => {
    const web = service('set -eu\necho "$(loom-config web port)" "$LOOM_HOME"', "config: { port: 80 }\n");
    assert.deepEqual(lint(web + TEMPLATE), []);
  });

  it("keeps what the catalog finds", () => {
    assert.match(lint("kind: Service\nname: web\nactons: {}\n").join("\n"), /^3:1 error catalog: .*"actons"/);
  });

  describe("places in scripts", () => {
    const place = (yaml: string): string[] =>
      lint(`kind: Service\nname: web\nactions:\n  start:\n    fields:\n${yaml}`, "loom-variable").map(
        (line) => line.split(" ")[0]!,
      );
    it("are those of the file, however the text is written", () => {
      assert.deepEqual(place("      script: |\n        a\n\n        b $LOOM_ADRESS\n"), ["9:12"]);
      assert.deepEqual(place("      script: |-\n\n        b $LOOM_ADRESS\n"), ["8:12"]);
      assert.deepEqual(place("      script: |2\n          b $LOOM_ADRESS\n"), ["7:14"]);
      assert.deepEqual(place("      script: >\n        a\n        b $LOOM_ADRESS\n"), ["8:12"]);
      assert.deepEqual(place("      script: b $LOOM_ADRESS\n"), ["6:18"]);
      assert.deepEqual(place('      script: "b $LOOM_ADRESS"\n'), ["6:19"]);
    });
  });

  describe("scripts", () => {
    const rules = (script: string, rule: string, more = ""): string[] => lint(service(script, more), rule);
    it("that go on after a failure", () => {
      assert.deepEqual(rules("a\nb", "set-e"), [
        "7:9 warning set-e: The script goes on after a command that failed, and only the last one decides.",
      ]);
      for (const fine of [
        "a",
        "set -e\na",
        "set -eu\na",
        "set -o errexit\na",
        "# c\nset -ue\na",
        "#!/bin/sh -e\na\nb",
        "#!/usr/bin/python3\na\nb",
      ])
        assert.deepEqual(rules(fine, "set-e"), [], fine);
    });

    it("whose here-document does not end", () => {
      assert.deepEqual(rules("cat <<END\nx\n  END", "here-document"), [
        '7:13 warning here-document: No line "END" ends what begins here: everything after it is taken for text.',
      ]);
    });

    it("that are bash", () => {
      assert.deepEqual(
        rules("set -e\nif [[ -e x ]]; then source y; fi", "bash-only").map((line) => line.slice(0, 29)),
        ['8:12 warning bash-only: "[[ .'],
      );
      assert.equal(rules("source y", "bash-only").length, 1);
      for (const fine of ["#!/bin/bash\n[[ -e x ]]", "echo resource y", "# [[ x ]]", "cat <<E\n[[ x ]]\nE"])
        assert.deepEqual(rules(fine, "bash-only"), [], fine);
    });

    it("with macros, which stay as they are", () => {
      assert.equal(rules("echo %ip.service.db%", "macro-in-script").length, 1);
      assert.deepEqual(rules("date +%H.%M; printf '%s.%s' a b", "macro-in-script"), []);
    });

    it("with variables that nobody sets", () => {
      assert.deepEqual(rules("echo $LOOM_ADRESS ${LOOM_ADRESS}", "loom-variable"), [
        "7:15 warning loom-variable: Nobody sets LOOM_ADRESS.",
      ]);
      assert.deepEqual(rules("LOOM_MINE=1 x $LOOM_MINE $LOOM_HOME", "loom-variable"), []);
    });
  });

  describe("configuration", () => {
    it("that scripts read and nobody sets", () => {
      const read = (command: string, more = "config: { port: 80, a: { b: 1 } }\n"): string[] =>
        lint(service(command, more), "config-unset");
      assert.match(read("loom-config web prt")[0]!, /^8:9 warning config-unset: Nobody sets "web\.prt"/);
      assert.match(read("x=$(loom-config web a c)")[0]!, /^8:13 .*"web\.a\.c"/);
      assert.match(read("cat <<E\n$(loom-config web prt)\nE")[0]!, /^9:11 /);
      for (const fine of [
        "loom-config web port",
        "loom-config web a b",
        "loom-config -d 1 web prt",
        "# loom-config web prt",
        "cat <<'E'\n$(loom-config web prt)\nE",
        'loom-config web "$key"',
        "loom-config web port | cat",
        "loom-config web port 2>/dev/null",
      ])
        assert.deepEqual(read(fine), [], fine);
    });

    it("that scripts read and cannot see", () => {
      assert.match(
        lint(service("loom-config -d 1 db port"), "config-unset")[0]!,
        /^7:9 warning .*"web" does not see the configuration of "db", so that this always gives the default\.$/,
      );
    });

    it("that a template sets counts too", () => {
      const template = TEMPLATE.replace("provider: local", "provider: local, config: { shared: { key: 1 } }");
      assert.deepEqual(lint(service("loom-config shared key") + template, "config-unset"), []);
    });

    it("that nobody reads", () => {
      const web = service("loom-config web port", "config: { port: 80, prt: 81 }\n");
      assert.deepEqual(lint(web, "config-unread"), ['3:21 note config-unread: No script reads "web.prt".']);
      assert.deepEqual(lint(service("cat $LOOM_CONFIG", "config: { port: 80 }\n"), "config-unread"), []);
    });
  });

  describe("templates", () => {
    const web = service("loom-service start web x");
    it("without a check, and services that are never stopped", () => {
      assert.equal(lint(web + TEMPLATE.replace(/^check.*\n/m, ""), "no-check").length, 1);
      assert.equal(lint(web, "no-stop").length, 1);
    });

    it("that have no use for a service", () => {
      const left = "---\nkind: Service\nname: left\n";
      assert.equal(lint(web + TEMPLATE + left, "unused-service").length, 1);
      assert.deepEqual(lint(web + left, "unused-service"), [], "a folder of services only");
      const needs = web.replace("actions:", "runtime: { requires: [left] }\nactions:");
      assert.deepEqual(lint(needs + TEMPLATE + left, "unused-service"), []);
    });

    it("that do not have what a macro names", () => {
      const named =
        web + TEMPLATE.replace('script: "true" }', 'script: "true", fields: { env: { DB: "%ip.service.db%" } } }');
      assert.match(
        lint(named, "absent-service")[0]!,
        /note absent-service: Template "farm" has no "db" unless it is asked for/,
      );
      const closed = named.replace("check:", "compatibility: { services: [web] }\ncheck:");
      assert.match(lint(closed, "absent-service")[0]!, /warning absent-service: Template "farm" can have no "db"/);
      assert.deepEqual(lint(named.replace("[web]", "[web, db]"), "absent-service"), []);
    });

    it("whose services no image type covers", () => {
      const only = (image: string): string =>
        `kind: Service\nname: web\nactions:\n  start: { variants: [{ imageTypes: [${image}], fields: { script: "true" } }] }\n`;
      assert.deepEqual(lint(only("here") + TEMPLATE, "coverage"), []);
      assert.match(
        lint(only("debian") + TEMPLATE, "coverage")[0]!,
        /^4:3 warning coverage: On provider "local", .*\("here"\)/,
      );
      const nowhere = TEMPLATE.replace("check:", "compatibility: { imageTypes: [here] }\ncheck:");
      assert.match(
        lint(only("debian") + nowhere, "coverage")[0]!,
        /^4:3 error coverage: Template "farm" can never have "web"/,
      );
    });

    it("whose services cover an image type in one action and not in another", () => {
      const uneven = `kind: Service
name: web
actions:
  install:
    variants:
      - { imageTypes: [here], fields: { script: "true" } }
      - { imageTypes: [debian], fields: { script: "true" } }
  start:
    variants:
      - { imageTypes: [here], fields: { script: "true" } }
`;
      assert.deepEqual(lint(uneven, "coverage"), [
        '8:3 warning coverage: "start" does not cover "debian", which "install" covers: the service cannot be placed there.',
      ]);
    });
  });
});
