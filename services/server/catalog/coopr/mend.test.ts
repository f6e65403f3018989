import assert from "node:assert/strict";
import { bodyOf, convert, MACHINES, told, withTemplate } from "../../../../test/support/coopr.js";
import type { ClusterTemplate } from "../types.js";

describe("coopr: what is mended", () => {
  it("keeps a template whose defaults lead nowhere, without them", () => {
    const conversion = withTemplate({
      defaults: { services: ["a", "gone"], provider: "nowhere", hardwaretype: "huge", imagetype: "i" },
    });
    assert.deepEqual(bodyOf(conversion, "ClusterTemplate/t"), { defaults: { services: ["a"], imageType: "i" } });
    assert.deepEqual(
      told(conversion).map((text) => text.replace(/^\S+ dropped ClusterTemplate\/t /, "")),
      [
        'defaults.services[1]: There is no service "gone".',
        'defaults.provider: There is no provider "nowhere".',
        'defaults.hardwaretype: There is no hardware type "huge".',
      ],
    );
    assert.match(conversion.templates[0]!.reason, /no default provider/);
    assert.equal(conversion.templates[0]!.fewest, undefined);
  });

  it("takes macros that nobody can expand literally, and keeps the rest", () => {
    const conversion = withTemplate({
      defaults: {
        services: ["a"],
        provider: "p",
        config: {
          bad: "%host.nothing% on %host.self%",
          far: "%host.service.a[3]%",
          gone: "%ip.service.z[0]%",
          list: "%ip.service.z%",
        },
      },
      constraints: { services: { a: { quantities: { max: 2 } } } },
      links: [{ label: "x", url: "http://%ip.self%/%ip.service.a[0]%" }],
    });
    assert.deepEqual(bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/t").defaults?.config, {
      bad: "%%host.nothing%% on %host.self%",
      far: "%%host.service.a[3]%%",
      gone: "%%ip.service.z[0]%%",
      list: "%ip.service.z%",
    });
    assert.equal(
      bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/t").links?.[0]?.url,
      "http://%%ip.self%%/%ip.service.a[0]%",
    );
    assert.equal(conversion.findings.filter((finding) => finding.outcome === "changed").length, 4);
    assert.equal(conversion.templates[0]!.fewest, 1);
  });

  it("cuts circles of dependencies, what is only used first", () => {
    const conversion = withTemplate({ defaults: { services: ["a", "b", "c"], provider: "p" } }, [
      { name: "a", dependencies: { runtime: { requires: ["b"] } } },
      { name: "b", dependencies: { runtime: { uses: ["x", "d"] } } },
      { name: "c", dependencies: { provides: ["x"], install: { requires: ["c"] }, runtime: { requires: ["a"] } } },
      { name: "d" },
    ]);
    assert.deepEqual(bodyOf(conversion, "Service/b"), { runtime: { uses: ["d"] } });
    assert.deepEqual(bodyOf(conversion, "Service/c"), { provides: ["x"], runtime: { requires: ["a"] } });
    assert.equal(conversion.templates[0]!.fewest, 1);
    assert.match(
      told(conversion).join("\n"),
      /dependencies\.runtime\.uses\[0\]: Services wait for each other, "a" -> "b" -> "c" -> "a"/,
    );
  });

  it("leaves out parts that a template cannot be put together with", () => {
    const partial = (name: string, more: object): object => ({ name, defaults: { config: { k: { x: 1 } } }, ...more });
    const conversion = convert({
      ...MACHINES,
      services: [{ name: "a" }],
      partialtemplates: [
        partial("locked", { immutable: true, constraints: { size: { min: 9 } } }),
        partial("free", {}),
      ],
      clustertemplates: [
        {
          name: "t",
          includes: [{ name: "locked" }, { name: "free" }, { name: "gone" }],
          extends: "u",
          defaults: { services: ["a"], provider: "p", config: { k: { x: 2 } } },
        },
        { name: "u", extends: { name: "t" }, constraints: { size: { min: 5 } } },
        {
          name: "v",
          extends: { name: "u" },
          defaults: { services: ["a"], provider: "p" },
          constraints: { size: { max: 2 } },
        },
      ],
    });
    const body = bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/t");
    assert.deepEqual([body.includes, body.extends], [["free"], undefined]);
    assert.equal(bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/u").extends, "t");
    assert.equal(bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/v").extends, undefined);
    assert.deepEqual(
      conversion.templates.map(({ name, fewest }) => [name, fewest]),
      [
        ["t", 1],
        ["u", 5],
        ["v", 1],
      ],
    );
    assert.match(
      told(conversion).join("\n"),
      /PartialTemplate\/locked constraints: Of a partial template, the source takes nothing but/,
    );
  });

  it("writes min: 0 where the source leaves a service out of every layout, and tells where it only can", () => {
    const apart = { layout: { cantcoexist: [["a", "b"]] } };
    const alone = withTemplate({
      defaults: { services: ["a", "b"], provider: "p" },
      constraints: { ...apart, size: { max: 1 } },
    });
    assert.deepEqual(bodyOf<ClusterTemplate>(alone, "ClusterTemplate/t").constraints?.services, { b: { min: 0 } });
    assert.deepEqual(alone.templates[0], { name: "t", fewest: 1, layout: [{ count: 1, services: ["a"] }], reason: "" });
    const both = withTemplate({ defaults: { services: ["a", "b"], provider: "p" }, constraints: apart });
    assert.equal(bodyOf<ClusterTemplate>(both, "ClusterTemplate/t").constraints?.services, undefined);
    assert.equal(both.templates[0]!.fewest, 2);
    assert.match(told(both).join("\n"), /takes 2 nodes; on 1 the source leaves out "b"/);
  });

  it("tells what stays unusable, and that it does", () => {
    const conversion = withTemplate({ defaults: { services: ["a"], provider: "p" } }, [
      { name: "a", dependencies: { install: { requires: ["gone"] } } },
    ]);
    assert.match(told(conversion).join("\n"), /inactive Service\/a : Loom cannot use it: "a" requires "gone"/);
    assert.match(conversion.templates[0]!.reason, /requires "gone"/);
  });
});
