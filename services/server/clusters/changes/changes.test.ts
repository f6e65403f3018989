import assert from "node:assert/strict";
import { cluster, node, refused } from "../../../../test/support/changing-cluster.js";
import type { Reason } from "../../../common/errors.js";
import type { ClusterTemplate, JsonObject, Service } from "../../catalog/types.js";
import { spreadServices } from "../../layout/spread.js";
import { addServices } from "./add-services.js";
import { configure } from "./configure.js";
import { removeNodes, repair, replaceNode } from "./nodes.js";
import { actOnServices, removeServices } from "./services.js";
import type { ChangingCluster, Decision } from "./types.js";

describe("removeNodes", () => {
  const remove = (subject: ChangingCluster, ...nodes: number[]): Decision =>
    removeNodes(subject, { nodes, service: "", count: 0 });

  it("takes the nodes that are named, or the newest that carry a service", () => {
    assert.deepEqual(remove(cluster(), 1002, 1001, 1002).change, {
      nodes: [1001, 1002],
      bare: [],
      changed: ["web"],
    });
    assert.deepEqual(removeNodes(cluster(), { nodes: [], service: "web", count: 2 }).change.nodes, [1002, 1003]);
  });

  it("stops nothing on nodes that no job has finished", () => {
    const nodes = [...cluster().nodes, node(1005, ["web"], { isFinished: false, state: "FAILED" })];
    assert.deepEqual(remove(cluster({ nodes }), 1005).change.bare, [1005]);
  });

  it("has everybody told again where the last change did not reach all", () => {
    assert.deepEqual(remove(cluster({ state: "INCONSISTENT" }), 1001).change.changed, ["*"]);
  });

  it("refuses what the template does not allow, and says why", () => {
    refused("NODE_NOT_FOUND", () => remove(cluster(), 1009));
    refused("NO_LAYOUT", () => remove(cluster(), 1000), /"lb" has to be on 1 node at least, and would be on 0/);
    refused("NO_LAYOUT", () => remove(cluster(), 1000, 1001, 1002, 1003, 1004), /no node would be left/);
    const template: ClusterTemplate = { constraints: { size: { min: 5 }, services: { web: { min: 3 } } } };
    refused("NO_LAYOUT", () => remove(cluster({ template }), 1001), /wants 5 nodes at least/);
    refused(
      "NO_LAYOUT",
      () =>
        removeNodes(cluster({ template: { constraints: { services: { web: { min: 3 } } } } }), {
          nodes: [],
          service: "web",
          count: 1,
        }),
      /"web" has to be on 3 nodes at least, and would be on 2/,
    );
    remove(cluster({ template: { constraints: { services: { lb: { min: 0 } } } } }), 1000);
    refused("SERVICE_NOT_FOUND", () => removeNodes(cluster(), { nodes: [], service: "mail", count: 1 }));
    refused("INVALID_FIELD", () => removeNodes(cluster(), { nodes: [], service: "web", count: 0 }));
    refused(
      "NO_LAYOUT",
      () => removeNodes(cluster(), { nodes: [], service: "web", count: 4 }),
      /only 3 nodes carry web/,
    );
  });
});

describe("replaceNode and repair", () => {
  const seen = (...pairs: [number, "UP" | "DOWN" | "MISSING" | "UNKNOWN"][]) =>
    new Map(pairs.map(([number, observed]) => [number, { observed }]));

  it("replace the machine of a node and tell who names its services", () => {
    assert.deepEqual(replaceNode(cluster(), 1004).change, { nodes: [1004], bare: [], changed: ["db"] });
    refused("NODE_NOT_FOUND", () => replaceNode(cluster(), 1));
  });

  it("start what is down and make again what is missing", () => {
    assert.deepEqual(repair(cluster(), seen([1001, "DOWN"], [1004, "MISSING"], [1000, "UP"])).change, {
      nodes: [1004],
      bare: [1004],
      started: [1001],
      changed: ["db", "web"],
    });
  });

  it("make again what no job has finished, and tell everybody", () => {
    const nodes = [...cluster().nodes, node(1005, ["web"], { isFinished: false })];
    assert.deepEqual(repair(cluster({ nodes, state: "INCONSISTENT" }), seen([1005, "DOWN"])).change, {
      nodes: [1005],
      bare: [1005],
      started: [],
      changed: ["*"],
    });
  });

  it("install again what is halfway, but on a machine that is made again", () => {
    const nodes = [
      node(1000, ["lb"], { halfway: { lb: "start" } }),
      node(1001, ["log", "web"], { halfway: { log: "install" } }),
      node(1002, ["log"], { halfway: { log: "install" } }),
    ];
    const { change } = repair(cluster({ nodes, state: "INCONSISTENT" }), seen([1001, "DOWN"], [1002, "MISSING"]));
    assert.deepEqual([change.added, change.nodes, change.started], [{ 1001: ["log"] }, [1002], [1001]]);
  });

  it("have nothing to do where all is well", () => {
    refused("PROVIDER_UNREACHABLE", () => repair(cluster(), seen([1000, "UP"])), /could not be looked at/);
    const all = seen(...cluster().nodes.map(({ number }): [number, "UP"] => [number, "UP"]));
    refused("NOTHING_TO_DO", () => repair(cluster(), all), /Every node of "shop-1" is up/);
  });
});

describe("actOnServices", () => {
  it("starts what a service needs, and stops and restarts what needs it", () => {
    assert.deepEqual(actOnServices(cluster(), "START_SERVICES", ["lb"]).change.services, ["db", "lb", "web"]);
    assert.deepEqual(actOnServices(cluster(), "START_SERVICES", ["db"]).change.services, ["db"]);
    assert.deepEqual(actOnServices(cluster(), "STOP_SERVICES", ["web"]).change.services, ["lb", "web"]);
    assert.deepEqual(actOnServices(cluster(), "RESTART_SERVICES", ["db"]).change.services, ["db", "lb", "web"]);
    assert.deepEqual(actOnServices(cluster(), "STOP_SERVICES", []).change.services, ["db", "lb", "web"]);
    refused("SERVICE_NOT_FOUND", () => actOnServices(cluster(), "STOP_SERVICES", ["mail"]));
  });
});

describe("removeServices", () => {
  it("takes services away that nothing requires", () => {
    assert.deepEqual(removeServices(cluster(), ["lb"]).change, { services: ["lb"], changed: ["lb"] });
    assert.deepEqual(removeServices(cluster(), ["db"]).change.services, ["db"]);
    refused("MISSING_DEPENDENCIES", () => removeServices(cluster(), ["web"]), /"lb" requires "web"/);
    refused("SERVICE_NOT_FOUND", () => removeServices(cluster(), ["mail"]));
    refused("INVALID_FIELD", () => removeServices(cluster(), []));
    const template: ClusterTemplate = { constraints: { services: { lb: { max: 1 } } } };
    refused("NO_LAYOUT", () => removeServices(cluster({ template }), ["lb"]), /wants it on every cluster/);
  });
});

describe("addServices", () => {
  const catalog = new Map<string, Service>([
    ["log", { config: { level: "info", key: { generate: "password" } } }],
    ["cache", { runtime: { requires: ["log"] } }],
    ["web", { description: "a newer one" }],
  ]);
  const now = { catalog: { Service: catalog }, pin: (name: string) => ({ version: 7, body: catalog.get(name)! }) };

  const add = (subject: ChangingCluster, asked: readonly string[], withDependencies = false): Promise<Decision> =>
    addServices(subject, asked, withDependencies, now, spreadServices);
  const refused = (reason: Reason, decide: () => Promise<Decision>, message = /./): Promise<void> =>
    assert.rejects(decide, { reason, message });

  it("puts a service on the nodes, pins it and makes its passwords", async () => {
    const { change, secrets } = await add(cluster({ config: { web: { port: 80 } } }), ["log"]);
    assert.deepEqual(Object.keys(change.added!), ["1000", "1001", "1002", "1003", "1004"]);
    assert.deepEqual([change.services, change.changed], [["log"], ["log"]]);
    assert.equal(change.pinned!["log"]!.version, 7);
    assert.deepEqual(change.config, {
      log: { level: "info", key: { $secret: "log.key" } },
      web: { port: 80 },
    });
    assert.deepEqual([...secrets!.keys()], ["log.key"]);
  });

  it("makes a secret of what was configured for it before it came", async () => {
    const { change, secrets } = await add(cluster({ config: { log: { key: 5 } } }), ["log"]);
    assert.deepEqual(change.config, { log: { level: "info", key: { $secret: "log.key" } } });
    assert.deepEqual([...secrets!], [["log.key", "5"]]);
  });

  it("takes what comes again from the catalog of the moment, with its defaults where nobody has said something else", async () => {
    const former: Service = {
      config: { level: "warning", size: 1, tags: ["a"], old: true, key: { generate: "password" }, set: { a: 1, b: 2 } },
    };
    const template: ClusterTemplate = { defaults: { config: { log: { size: 1 } } } };
    const key = { $secret: "log.key" };
    const config = {
      log: { level: "warning", size: 1, tags: ["a", "b"], old: true, key, set: { a: 1, b: 3 } },
      web: { level: "warning" },
    };
    const { change, secrets } = await add(cluster({ bodies: { log: former }, template, config }), ["log"]);
    assert.deepEqual(change.pinned, { log: { version: 7, body: catalog.get("log") } });
    assert.deepEqual(change.config, {
      log: { level: "info", size: 1, tags: ["a", "b"], key, set: { b: 3 } },
      web: { level: "warning" },
    });
    assert.deepEqual([...secrets!], []);
  });

  it("adds what is required where that is asked for, and says so", async () => {
    await refused("MISSING_DEPENDENCIES", () => add(cluster(), ["cache"]));
    assert.deepEqual((await add(cluster(), ["cache"], true)).addedServices, ["log"]);
  });

  it("refuses what is there, and what has no place", async () => {
    await refused("ALREADY_PRESENT", () => add(cluster(), ["web"]), /on nodes 1001, 1002, 1003/);
    const template: ClusterTemplate = {
      constraints: {
        layout: {
          cantCoexist: [
            ["log", "lb"],
            ["log", "web"],
            ["log", "db"],
          ],
        },
      },
    };
    await refused("NO_LAYOUT", () => add(cluster({ template }), ["log"]), /no place for "log"/);
    await refused("SERVICE_NOT_FOUND", () => add(cluster(), ["nothing"]));
  });
});

describe("configure", () => {
  const config: JsonObject = {
    web: { port: 80, tls: { key: { $secret: "web.tls.key" } } },
    db: { size: 1 },
    shared: { zone: "a" },
  };
  const ask = (asked: JsonObject, more: Partial<ChangingCluster> = {}): Decision =>
    configure(cluster({ config, ...more }), { config: asked, services: [], restart: false });

  it("merges key by key, takes away what is null, and tells who sees it", () => {
    const { change, configChanges } = ask({ web: { port: 81, extra: true }, db: { size: null } });
    assert.deepEqual(change.config, {
      web: { port: 81, tls: { key: { $secret: "web.tls.key" } }, extra: true },
      db: {},
      shared: { zone: "a" },
    });
    assert.deepEqual(change.services, ["db", "web"]);
    assert.deepEqual(configChanges, [
      { path: "db.size", before: "1", after: "" },
      { path: "web.extra", before: "", after: "true" },
      { path: "web.port", before: "80", after: "81" },
    ]);
  });

  it("tells everybody of what belongs to no service, of nothing new, and after a change that did not reach all", () => {
    assert.deepEqual(ask({ shared: { zone: "b" } }).change.services, ["db", "lb", "web"]);
    assert.deepEqual(ask({}).change.services, ["db", "lb", "web"]);
    assert.deepEqual(ask({ web: { port: 81 } }, { state: "INCONSISTENT" }).change.services, ["db", "lb", "web"]);
  });

  it("keeps a secret a secret, whatever is put in its place, and shows none", () => {
    const { change, configChanges, secrets } = ask({ web: { tls: { key: "mine" } } });
    assert.deepEqual((change.config!["web"] as JsonObject)["tls"], { key: { $secret: "web.tls.key" } });
    assert.deepEqual([...secrets!], [["web.tls.key", "mine"]]);
    assert.deepEqual(configChanges, [{ path: "web.tls.key", before: '"********"', after: '"********"' }]);
    const made = ask({ db: { password: { generate: "password" } } });
    assert.deepEqual([...made.secrets!], [["db.password", undefined]]);
    assert.deepEqual(made.configChanges, [{ path: "db.password", before: "", after: '"********"' }]);
  });

  it("takes any value in the place of a secret as a text, and shows none", () => {
    for (const key of [20261121, true]) {
      const decision = ask({ web: { tls: { key } } });
      assert.deepEqual([...decision.secrets!], [["web.tls.key", String(key)]]);
      assert.ok(!JSON.stringify({ ...decision, secrets: [] }).includes(String(key)), JSON.stringify(decision));
    }
    refused("INVALID_CONFIG", () => ask({ web: { tls: { key: ["x"] } } }), /config\.web\.tls\.key: is a secret/);
    // What looks like a macro in a password is none, and is not quoted.
    assert.deepEqual([...ask({ web: { tls: { key: "a%b.c%" } } }).secrets!], [["web.tls.key", "a%b.c%"]]);
  });

  it("knows from the documents where secrets stand that are not there now", () => {
    const template: ClusterTemplate = { defaults: { config: { db: { password: { generate: "password" } } } } };
    const before = cluster({ template, config: { db: {} } });
    const given = configure(before, { config: { db: { password: 5 } }, services: [], restart: false });
    assert.deepEqual(given.change.config, { db: { password: { $secret: "db.password" } } });
    assert.deepEqual([...given.secrets!], [["db.password", "5"]]);
    assert.deepEqual((given.asked!["config"] as JsonObject)["db"], { password: "********" });
    // One that stands there in plain from before becomes one with the next change, and is not shown by it.
    const plain = cluster({ template, config: { db: { password: "hunter2" } } });
    const healed = configure(plain, { config: { web: { port: 1 } }, services: [], restart: false });
    assert.deepEqual([...healed.secrets!], [["db.password", "hunter2"]]);
    assert.ok(!JSON.stringify({ ...healed, secrets: [] }).includes("hunter2"));
  });

  it("says how a service comes back that is on no node any more", () => {
    const without = cluster({ config, layout: cluster().layout.slice(0, 2), nodes: cluster().nodes.slice(0, 4) });
    const again = /The cluster had "db" before: "loom add-services shop-1 db" puts it on its nodes again/;
    const ask = (asked: JsonObject, ...services: string[]): Decision =>
      configure(without, { config: asked, services, restart: false });
    refused("SERVICE_NOT_FOUND", () => ask({}, "db"), again);
    refused("SERVICE_NOT_FOUND", () => ask({ db: { size: 2 } }, "db", "web"), again);
    refused("SERVICE_NOT_FOUND", () => ask({}, "mail"), /"mail"\. On it are lb, web\.$/);
    refused("NOTHING_TO_DO", () => ask({ db: { size: 2 } }), again);
    // With what somebody is told of it is kept for the day when the service comes back.
    assert.deepEqual(ask({ db: { size: 2 }, web: { port: 81 } }).change.services, ["web"]);
    assert.deepEqual(ask({ db: { size: 1 } }).change.services, ["lb", "web"]);
  });

  it("refuses what is fixed, and reserved keys", () => {
    const fixed = cluster({ config, locked: [["web", "port"]] });
    for (const port of [1, null])
      refused("INVALID_CONFIG", () => configure(fixed, { config: { web: { port } }, services: [], restart: false }));
    refused("INVALID_CONFIG", () => ask({ web: { $secret: "db.password" } }));
    refused("SERVICE_NOT_FOUND", () =>
      configure(cluster({ config }), { config: {}, services: ["mail"], restart: false }),
    );
  });
});
