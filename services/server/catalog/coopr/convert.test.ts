import assert from "node:assert/strict";
import { exportDocument } from "../export.js";
import { hasErrors, loadCatalog } from "../load.js";
import { planOffline } from "../../plan/offline.js";
import type { ClusterTemplate, Service } from "../types.js";
import { convertCatalog } from "./convert.js";
import {
  bodyOf,
  convert,
  filesOf,
  FIXTURE,
  OPTIONS,
  short,
  told,
  withTemplate,
} from "../../../../test/support/coopr.js";

describe("coopr: convertCatalog", () => {
  it("carries a whole catalog over, which validates, and whose templates plan", () => {
    const { documents, findings, templates } = convertCatalog(filesOf(FIXTURE), OPTIONS);
    assert.equal(documents.length, 24);
    assert.deepEqual(
      findings.filter((finding) => finding.outcome === "lost" || finding.outcome === "changed"),
      [],
    );
    const loaded = loadCatalog(
      documents.map(({ document }) => ({ path: `${document.kind}/${document.name}`, text: exportDocument(document) })),
    );
    assert.equal(hasErrors(loaded.problems), false);
    assert.deepEqual(
      templates.map(({ name, fewest }) => [name, fewest]),
      [
        ["grid", 3],
        ["shop", 1],
        ["shop-in-house", 1],
      ],
    );
    const layout = (template: string, nodes: number): unknown => {
      const plan = planOffline({ catalog: loaded.catalog, template, nodes }, () => 0);
      assert.ok("layout" in plan);
      return plan.layout.map(({ count, services }) => [count, ...services]);
    };
    assert.deepEqual(layout("grid", 50), [
      [1, "files-master", "ground", "keeper", "table-master", "work-master"],
      [49, "files-store", "ground", "table-store", "work-hand"],
    ]);
    assert.deepEqual(layout("shop", 5), [
      [1, "ground", "language", "language-parts", "pages", "rows"],
      [4, "ground", "language", "language-parts", "pages"],
    ]);
  });

  it("turns every field into its own", () => {
    const conversion = convertCatalog(filesOf(FIXTURE), { ...OPTIONS, currency: "EUR" });
    assert.deepEqual(bodyOf(conversion, "HardwareType/node-small"), {
      description: "2 GB",
      providers: {
        "north-cloud": {
          flavor: "n.small",
          fields: { vcpu: "2", disks: "/dev/vdb=100" },
          price: { perHour: "0.05", currency: "EUR" },
        },
        cellar: { flavor: "7" },
      },
    });
    assert.deepEqual(bodyOf(conversion, "ImageType/plain-linux"), {
      description: "A plain Linux",
      providers: { "north-cloud": { image: "img-plain-linux", user: "ops" } },
    });
    assert.deepEqual(bodyOf(conversion, "Provider/cellar"), {
      type: "coopr-docker",
      description: "Containers in the cellar",
      fields: { host: "cellar.example" },
    });
    assert.deepEqual(bodyOf(conversion, "Service/parcel"), {
      description: "A program in a container",
      runtime: { requires: ["ground"] },
      actions: {
        install: { type: "docker", fields: { image_name: "parcel:1" } },
        start: { type: "docker", fields: { image_name: "parcel:1", publish_ports: "80" } },
        stop: { type: "coopr-shell", fields: { script: "stop-parcel.sh", args: "now" } },
      },
    });
    const store = bodyOf<Service>(conversion, "Service/files-store");
    assert.deepEqual(
      [store.provides, store.install, store.runtime],
      [["files"], { requires: ["ground"], uses: ["tickets"] }, { requires: ["files-master"] }],
    );
    assert.deepEqual(bodyOf(conversion, "ClusterTemplate/shop"), {
      description: "Pages, a language and a database",
      defaults: {
        services: ["ground", "pages", "language", "language-parts", "rows"],
        provider: "north-cloud",
        hardwareType: "node-small",
        imageType: "plain-linux",
        config: { rows: { bind: "%ip.bind_v4.service.rows%" } },
      },
      compatibility: { services: ["ground", "pages", "language", "language-parts", "rows", "balancer"] },
      constraints: {
        layout: { mustCoexist: [["pages", "language", "language-parts"]] },
        services: { balancer: { max: 1 }, rows: { max: 1 } },
      },
      links: [{ label: "The shop", url: "http://%ip.access_v4.service.pages%:80" }],
      lease: { initial: "8h", max: "10d", step: "1d" },
    });
    assert.deepEqual(bodyOf(conversion, "ClusterTemplate/shop-in-house"), {
      description: "The shop as the house wants it",
      extends: "shop",
      includes: ["house-rules"],
      defaults: { services: ["rows"], config: { rows: { size: "large" } } },
    });
    assert.deepEqual(bodyOf(conversion, "PartialTemplate/house-rules"), {
      description: "What the house wants everywhere",
      immutable: true,
      defaults: { dnsSuffix: "house.example", config: { footer: "House" } },
    });
  });

  it("tells of broken files with their place, and goes on", () => {
    const conversion = convert({
      services: [
        '{\n "name": "a",\n "description" "x"\n}',
        '{"description": "no name"}',
        '{"name": "a b"}',
        "[1]",
        { name: "good" },
        { name: "good" },
        '{"name": "twice", "name": "twice", "description": "x"}',
      ],
    });
    assert.deepEqual(
      conversion.documents.map(({ document }) => document.name),
      ["good", "twice"],
    );
    assert.deepEqual(told(conversion), [
      'services/0.json:3:16 lost Service : The file is no JSON. Here should be a colon, not "\\"".',
      "services/1.json:1:1 lost Service : This Service has no name.",
      'services/2.json:1:10 lost Service name: "a b" is not a name.',
      "services/3.json:1:2 lost Service : A document is a mapping with a name.",
      "services/5.json:2:10 lost Service/good name: The document is there already, at services/4.json:2.",
      'services/6.json:1:19 dropped Service/twice : The key "name" is here twice.',
    ]);
  });

  it("tells of every part that has no place, and of none that says nothing", () => {
    const conversion = convert({
      services: [
        {
          name: "a",
          version: 3,
          label: "a",
          icon: "",
          owner: "me",
          dependencies: { provides: "x", install: { wants: ["y"] } },
          provisioner: {
            actions: { INSTALL: { type: "chef-solo" }, create: { type: "chef-solo" }, start: {}, stop: null },
          },
          links: [{ label: "nowhere" }, { url: "http://x" }],
        },
      ],
      imagetypes: [{ name: "i", providermap: { p: { image: "", sshuser: "not a user" }, q: { image: 7, disk: 1 } } }],
    });
    assert.deepEqual(
      short(conversion.findings).map((text) => text.replace(/^\S+ /, "")),
      [
        "changed ImageType/i providermap.p.image: An empty text is no offer in Loom: the document's own name is written instead.",
        'dropped ImageType/i providermap.p.sshuser: "not a user" is not the name of a user.',
        "dropped ImageType/i providermap.q.disk: An image is what it is called and its user, nothing else.",
        "dropped Service/a owner: Loom has nothing like it.",
        "dropped Service/a dependencies.provides: This must be a list of names.",
        "dropped Service/a dependencies.install.wants: Loom has nothing like it.",
        'inactive Service/a provisioner.actions.INSTALL.type: No automator type "chef-solo" ships with Loom.',
        'dropped Service/a provisioner.actions.create: "create" is no action of a service.',
        "dropped Service/a provisioner.actions.start: An action has a type of automator, and this one has none.",
        "dropped Service/a provisioner.actions.stop: An action has a type of automator, and this one has none.",
        "dropped Service/a links[0]: A link without an address leads nowhere.",
      ],
    );
    assert.deepEqual(bodyOf<Service>(conversion, "Service/a").links, [{ label: "http://x", url: "http://x" }]);
    assert.deepEqual(bodyOf(conversion, "ImageType/i"), { providers: { p: { image: "i" }, q: { image: "7" } } });
  });

  it("reads leases, sizes, quantities and sets as far as they make sense", () => {
    const lease = (leaseduration: object): unknown =>
      bodyOf<ClusterTemplate>(withTemplate({ administration: { leaseduration } }), "ClusterTemplate/t").lease;
    assert.equal(lease({ initial: 0, max: 0, step: 0 }), undefined);
    assert.deepEqual(lease({ initial: "90m", max: "7200000", step: 1500 }), {
      initial: "1h30m",
      max: "2h",
      step: "2s",
    });
    assert.deepEqual(lease({ initial: 0, max: "1d" }), { initial: "1d", max: "1d" });
    assert.deepEqual(lease({ initial: "forever", step: "9999d" }), { step: "3650d" });
    const constraints = (given: object): unknown =>
      bodyOf<ClusterTemplate>(withTemplate({ constraints: given }), "ClusterTemplate/t").constraints;
    assert.deepEqual(
      constraints({
        layout: { mustcoexist: [["a", "b", "a"], ["a"], []], cantcoexist: [] },
        services: {
          a: { quantities: { min: "2", max: 1 } },
          b: { quantities: { max: 0 }, imagetypes: ["i"] },
          c: { quantities: {} },
        },
        size: { min: 0, max: 99_999 },
      }),
      {
        layout: { mustCoexist: [["a", "b"]] },
        services: { a: { min: 2 }, b: { min: 0, max: 0, imageTypes: ["i"] } },
        size: { max: 99_999 },
      },
    );
  });

  it("takes no key of Loom's own into a configuration", () => {
    const conversion = withTemplate({
      defaults: {
        services: [{ name: "a", config: { generate: "password", b: [{ $secret: "x", c: "5%%" }] } }],
        config: { a: { old: 1 } },
      },
    });
    assert.deepEqual(bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/t").defaults?.config, {
      a: { b: [{ c: "5%%%%" }] },
    });
    assert.match(
      told(conversion).join("\n"),
      /defaults\.services\[0\]\.config\.generate: In a configuration, the key "generate" is Loom's own/,
    );
  });

  it("renames what begins like no name of Loom, wherever it is named", () => {
    const conversion = withTemplate(
      {
        defaults: { services: ["_a", "b"], provider: "p" },
        constraints: { services: { _a: { quantities: { max: 1 } } } },
      },
      [{ name: "_a" }, { name: "b", dependencies: { runtime: { requires: ["_a"] } } }],
    );
    assert.deepEqual(bodyOf(conversion, "Service/b"), { runtime: { requires: ["x_a"] } });
    assert.deepEqual(bodyOf<ClusterTemplate>(conversion, "ClusterTemplate/t").constraints, {
      services: { x_a: { max: 1 } },
    });
    assert.equal(conversion.templates[0]!.fewest, 1);
  });
});
