import assert from "node:assert/strict";
import { loadCatalog } from "./load.js";
import { lockedConfig, resolveTemplate } from "./resolve.js";
import type { Catalog } from "./types.js";
import { validateCatalog } from "./validate.js";

const catalogOf = (text: string): Catalog => loadCatalog([{ path: "f.yaml", text }]).catalog;

describe("resolveTemplate", () => {
  it("merges parents, partial templates and the template field by field", () => {
    const catalog = catalogOf(`
kind: ClusterTemplate
name: base
description: The base.
includes: [ssl]
defaults: { services: [web], provider: docker, dnsSuffix: example.org, config: { web: { port: 80, log: { level: info } } } }
compatibility: { services: [web] }
constraints:
  size: { min: 2, max: 10 }
  services: { web: { min: 1, max: 5, imageTypes: [debian] } }
  layout: { cantCoexist: [[lb, web]] }
links: [{ label: base, url: "http://a" }]
stopBeforeDelete: true
check: { service: web, script: "true" }
---
kind: PartialTemplate
name: ssl
defaults: { services: [ssl], config: { web: { tls: true } } }
constraints: { services: { ssl: { max: 1 } } }
---
kind: PartialTemplate
name: logs
includes: [ssl]
defaults: { services: [logs], config: { web: { log: { level: debug, file: /x } } } }
---
kind: ClusterTemplate
name: child
extends: base
includes: [logs, ssl]
defaults: { services: [lb, web], provider: local, config: { web: { log: { level: warn } } } }
compatibility: { services: [lb] }
constraints:
  services: { web: { max: 7 }, lb: { max: 1 } }
  layout: { cantCoexist: [[lb, web], [lb, logs]] }
  size: { max: 20 }
links: [{ label: child, url: "http://b" }]
`);
    assert.deepEqual(resolveTemplate(catalog, "child"), {
      description: "The base.",
      defaults: {
        services: ["ssl", "web", "logs", "lb"],
        provider: "local",
        dnsSuffix: "example.org",
        config: { web: { tls: true, port: 80, log: { level: "warn", file: "/x" } } },
      },
      compatibility: { services: ["web", "lb"] },
      constraints: {
        layout: {
          cantCoexist: [
            ["lb", "web"],
            ["lb", "logs"],
          ],
        },
        services: { ssl: { max: 1 }, web: { min: 1, max: 7, imageTypes: ["debian"] }, lb: { max: 1 } },
        size: { min: 2, max: 20 },
      },
      check: { service: "web", script: "true" },
      links: [
        { label: "base", url: "http://a" },
        { label: "child", url: "http://b" },
      ],
      stopBeforeDelete: true,
    });
  });

  it("merges leases field by field, a lease without end included", () => {
    const catalog = catalogOf(
      "{kind: ClusterTemplate, name: base, lease: {initial: 8h, step: 1d}}\n---\n{kind: ClusterTemplate, name: t, extends: base, lease: {initial: 0, max: 0}}\n---\n{kind: ClusterTemplate, name: u, extends: base, lease: {max: 2h}}",
    );
    assert.deepEqual(resolveTemplate(catalog, "t").lease, { initial: "0", step: "1d", max: "0" });
    assert.deepEqual(
      validateCatalog(catalog).map(({ document, path, message }) => [document, path, message]),
      [
        [
          "ClusterTemplate/u",
          "lease",
          "With what it builds on: The initial lease of 8h is longer than the maximum of 2h.",
        ],
      ],
    );
  });

  it("leaves a template that builds on nothing as it is", () => {
    const catalog = catalogOf(
      "{kind: ClusterTemplate, name: t, defaults: {services: [a, b]}, constraints: {services: {a: {min: 0}}}}",
    );
    assert.deepEqual(resolveTemplate(catalog, "t"), catalog.ClusterTemplate.get("t"));
    assert.deepEqual(resolveTemplate(catalogOf("{kind: ClusterTemplate, name: e}"), "e"), {});
  });

  it("locks what immutable partial templates set, whatever came before", () => {
    const partial =
      "{kind: PartialTemplate, name: p, immutable: true, defaults: {config: {web: {port: 80, tls: {on: true}}}}}";
    const child = (config: string): Catalog =>
      catalogOf(
        `${partial}\n---\n{kind: ClusterTemplate, name: base, defaults: {config: {web: {port: 1}}}}\n---\n{kind: ClusterTemplate, name: t, extends: base, includes: [p], defaults: {config: ${config}}}`,
      );
    const well = child("{web: {color: red}, db: {port: 1}}");
    assert.deepEqual(resolveTemplate(well, "t").defaults?.config, {
      web: { port: 80, tls: { on: true }, color: "red" },
      db: { port: 1 },
    });
    assert.deepEqual(lockedConfig(well, "t"), [
      ["web", "port"],
      ["web", "tls", "on"],
    ]);
    for (const config of [
      "{web: {port: 80}}",
      "{web: 5}",
      "{web: {tls: {on: {x: 1}}}}",
      "{web: {tls: {generate: password}}}",
    ]) {
      assert.throws(
        () => resolveTemplate(child(config), "t"),
        { reason: "TEMPLATE_UNUSABLE", message: /which the immutable partial template "p" fixes\. Remove it\.$/ },
        config,
      );
    }
  });

  it("looks at each document once, however many ways lead to it", () => {
    const layers = Array.from({ length: 30 }, (_, n) =>
      ["a", "b"].map(
        (side) =>
          `{kind: PartialTemplate, name: ${side}${n}, includes: [${n === 0 ? "" : `a${n - 1}, b${n - 1}`}], defaults: {services: [${side}${n}]}}`,
      ),
    ).flat();
    const catalog = catalogOf([...layers, "{kind: ClusterTemplate, name: t, includes: [a29, b29]}"].join("\n---\n"));
    assert.equal(resolveTemplate(catalog, "t").defaults?.services?.length, 60);
  });

  it("says what keeps a template from being put together", () => {
    const catalog = catalogOf(`{kind: ClusterTemplate, name: web-farm, extends: nothing}
---
{kind: ClusterTemplate, name: a, extends: b}
---
{kind: ClusterTemplate, name: b, includes: [p]}
---
{kind: PartialTemplate, name: p, includes: [q]}
---
{kind: PartialTemplate, name: q, includes: [p, r]}
`);
    assert.throws(() => resolveTemplate(catalog, "web-frm"), {
      reason: "TEMPLATE_NOT_FOUND",
      message: 'There is no template "web-frm". Did you mean "web-farm"?',
    });
    assert.throws(() => resolveTemplate(catalog, "web-farm"), {
      reason: "TEMPLATE_UNUSABLE",
      message: 'The template "web-farm" cannot be used: It builds on the template "nothing", which does not exist.',
    });
    assert.throws(() => resolveTemplate(catalog, "a"), {
      reason: "TEMPLATE_UNUSABLE",
      message: 'The template "a" cannot be used: It builds on itself: "p" -> "q" -> "p". Remove one of these steps.',
    });
  });
});
