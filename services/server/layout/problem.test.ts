import assert from "node:assert/strict";
import type { Reason } from "../../common/errors.js";
import { LoomError } from "../../common/errors.js";
import { loadCatalog } from "../catalog/load.js";
import { resolveTemplate } from "../catalog/resolve.js";
import { buildLayoutProblem, type BuiltProblem, type LayoutRequest } from "./problem.js";
import { solveLayout } from "./solve.js";

const CATALOG = `
kind: Provider
name: cloud
type: simulated
---
kind: Provider
name: attic
type: simulated
---
kind: HardwareType
name: small
providers: { cloud: { flavor: s }, attic: { flavor: s } }
---
kind: HardwareType
name: large
providers: { cloud: { flavor: l } }
---
kind: HardwareType
name: unnamed
providers: { cloud: {} }
---
kind: ImageType
name: debian
providers: { cloud: { image: d }, attic: { image: d } }
---
kind: ImageType
name: centos
providers: { cloud: { image: c } }
---
kind: Service
name: web
runtime: { requires: [database, log] }
---
kind: Service
name: postgres
provides: [database]
conflicts: [mysql]
install: { requires: [disk] }
---
kind: Service
name: mysql
provides: [database]
---
kind: Service
name: disk
---
kind: Service
name: log
---
kind: Service
name: constructor
---
kind: Service
name: picky
actions:
  install:
    variants:
      - { imageTypes: [debian], fields: { script: "true" } }
---
kind: Service
name: egg
runtime: { requires: [hen] }
---
kind: Service
name: hen
runtime: { uses: [egg] }
---
kind: Service
name: chain
provides: [metal]
install: { uses: [metal] }
---
kind: Service
name: link
provides: [metal]
---
kind: Service
name: orphan
install: { requires: [nobody] }
---
kind: ClusterTemplate
name: plain
defaults: { services: [log, disk], provider: cloud }
---
kind: ClusterTemplate
name: strict
defaults: { services: [web, log, mysql], provider: cloud, hardwareType: small, imageType: debian }
compatibility: { hardwareTypes: [small, large], imageTypes: [debian], services: [web, log, mysql, disk] }
constraints:
  layout: { mustCoexist: [[web, log]], cantCoexist: [[web, mysql]] }
  services:
    web: { max: 4, hardwareTypes: [small] }
    mysql: { min: 0, imageTypes: [debian] }
  size: { min: 2, max: 5 }
---
kind: ClusterTemplate
name: bare
`;

const { catalog } = loadCatalog([{ path: "catalog.yaml", text: CATALOG }]);

function build(templateName: string, request: Partial<LayoutRequest> = {}): BuiltProblem {
  const asked: LayoutRequest = {
    size: 3,
    services: [],
    provider: "",
    hardwareType: "",
    imageType: "",
    withDependencies: false,
    ...request,
  };
  return buildLayoutProblem({
    catalog,
    template: resolveTemplate(catalog, templateName),
    templateName,
    request: asked,
  });
}

function assertRefused(
  reason: Reason,
  message: RegExp,
  templateName: string,
  request: Partial<LayoutRequest> = {},
): void {
  assert.throws(
    () => build(templateName, request),
    (error: unknown) => {
      assert.ok(error instanceof LoomError, String(error));
      assert.equal(error.reason, reason, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

describe("buildLayoutProblem", () => {
  it("takes from the template what the request leaves open", () => {
    assert.deepEqual(build("strict"), {
      problem: {
        size: 3,
        services: ["log", "mysql", "web"],
        hardwareTypes: ["small"],
        imageTypes: ["debian"],
        mustCoexist: [["web", "log"]],
        cantCoexist: [["web", "mysql"]],
        quantities: { mysql: { min: 0, max: Number.POSITIVE_INFINITY }, web: { min: 1, max: 4 } },
        hardwareOf: { web: ["small"] },
        imagesOf: { mysql: ["debian"] },
        variantsOf: {},
      },
      provider: "cloud",
      services: ["log", "mysql", "web"],
      addedServices: [],
    });
  });

  it("offers the layout every type that the provider has a name for", () => {
    const { problem } = build("plain");
    assert.deepEqual(
      [problem.hardwareTypes, problem.imageTypes],
      [
        ["large", "small"],
        ["centos", "debian"],
      ],
    );
    const { problem: attic, provider } = build("plain", { provider: "attic" });
    assert.deepEqual([provider, attic.hardwareTypes, attic.imageTypes], ["attic", ["small"], ["debian"]]);
    assert.deepEqual(build("strict", { hardwareType: "large" }).problem.hardwareTypes, ["large"]);
  });

  it("refuses types that are not there, not allowed or not offered, and says which are usable", () => {
    assertRefused(
      "INCOMPATIBLE",
      /hardware type "smal" is not in the catalog.*"small".*Usable here: large, small/,
      "plain",
      { hardwareType: "smal" },
    );
    assertRefused("INCOMPATIBLE", /hardware type "large" is not offered by provider "attic"/, "plain", {
      hardwareType: "large",
      provider: "attic",
    });
    assertRefused("INCOMPATIBLE", /hardware type "unnamed" is not offered/, "plain", { hardwareType: "unnamed" });
    assertRefused("INCOMPATIBLE", /image type "centos" is not allowed by template "strict"/, "strict", {
      imageType: "centos",
    });
  });

  it("refuses providers that are not there", () => {
    assertRefused("PROVIDER_NOT_FOUND", /no provider "cluod".*"cloud"/, "plain", { provider: "cluod" });
    assertRefused("PROVIDER_NOT_FOUND", /"bare" has no default provider.*attic, cloud/, "bare", { services: ["log"] });
  });

  it("refuses services that are not there, and a cluster of none", () => {
    assertRefused("SERVICE_NOT_FOUND", /"lgo".*"log".*"dsik".*"disk"/, "plain", { services: ["lgo", "disk", "dsik"] });
    assertRefused("SERVICE_NOT_FOUND", /no default services/, "bare", { provider: "cloud" });
  });

  it("refuses services that the template does not allow", () => {
    assertRefused("INCOMPATIBLE", /"strict" does not allow "picky", "postgres"/, "strict", {
      services: ["web", "postgres", "picky", "log", "disk"],
    });
  });

  it("refuses missing dependencies with all of them", () => {
    assertRefused(
      "MISSING_DEPENDENCIES",
      /"orphan" requires "nobody", which nothing in the catalog provides; "postgres" requires "disk"; "web" requires "log"/,
      "plain",
      { services: ["orphan", "postgres", "web"] },
    );
    assertRefused("MISSING_DEPENDENCIES", /"nobody"/, "plain", { services: ["orphan"], withDependencies: true });
  });

  it("adds missing dependencies, theirs too, and says which", () => {
    const { services, addedServices } = build("plain", { services: ["web", "postgres"], withDependencies: true });
    assert.deepEqual(
      [services, addedServices],
      [
        ["disk", "log", "postgres", "web"],
        ["disk", "log"],
      ],
    );
    // What provides it by another name: the first by name, of those that the template allows.
    assert.deepEqual(build("plain", { services: ["web"], withDependencies: true }).addedServices, ["log", "mysql"]);
    assert.deepEqual(build("strict", { services: ["web"], withDependencies: true }).addedServices, ["log", "mysql"]);
    assert.deepEqual(build("plain", { services: ["log", "log"], withDependencies: true }).addedServices, []);
  });

  it("refuses services that conflict", () => {
    assertRefused("CONFLICTING_SERVICES", /"postgres" conflicts with "mysql"/, "plain", {
      services: ["postgres", "mysql", "disk"],
    });
  });

  it("refuses services that wait for each other", () => {
    assertRefused("DEPENDENCY_CYCLE", /"egg" -> "hen" -> "egg" \(runtime\)/, "plain", { services: ["egg", "hen"] });
    assert.deepEqual(build("plain", { services: ["hen"] }).services, ["hen"]);
    // Two that both provide what one of them requires do not.
    assert.deepEqual(build("plain", { services: ["chain", "link"] }).services, ["chain", "link"]);
  });

  it("refuses sizes that the template or Loom does not allow", () => {
    for (const size of [1, 6, 2.5, Number.NaN])
      assertRefused("INVALID_SIZE", /"strict" has 2 to 5 nodes/, "strict", { size });
    for (const size of [0, -1, 10_001]) assertRefused("INVALID_SIZE", /1 to 10000 nodes/, "plain", { size });
  });

  it("binds a service to the image types that its actions cover, where others could be chosen", () => {
    assert.deepEqual(build("plain", { services: ["picky"] }).problem.variantsOf, { picky: ["debian"] });
    assert.deepEqual(build("plain", { services: ["picky"], imageType: "debian" }).problem.variantsOf, {});
    const result = solveLayout(build("plain", { services: ["picky"], imageType: "centos", size: 1 }).problem);
    assert.equal(
      result.outcome === "unsatisfiable" && result.sentence,
      'No layout of 1 node is possible: "picky" has actions only for image type "debian". Change that.',
    );
  });

  it("is not led astray by names that every object has", () => {
    const { problem } = build("plain", { services: ["constructor", "log"] });
    assert.deepEqual([problem.quantities, problem.hardwareOf, problem.imagesOf], [{}, {}, {}]);
    const result = solveLayout({ ...problem, cantCoexist: [["constructor", "log"]] });
    assert.deepEqual(result.outcome === "solved" && result.groups.map(({ count, services }) => [count, services]), [
      [2, ["constructor"]],
      [1, ["log"]],
    ]);
  });
});
