import { cluster, node, refused } from "../../../../test/support/changing-cluster.js";
import type { ClusterTemplate, Service } from "../../catalog/types.js";
import { removeNodes } from "./nodes.js";
import { removeServices } from "./services.js";
import type { ChangingCluster, Decision } from "./types.js";

const remove = (subject: ChangingCluster, ...nodes: number[]): Decision =>
  removeNodes(subject, { nodes, service: "", count: 0 });
const newest = (subject: ChangingCluster, service: string, count: number): Decision =>
  removeNodes(subject, { nodes: [], service, count });
/** A service with something to tell when it starts. */
const saying = (text: string, more: Partial<Service> = {}): Service => ({
  ...more,
  actions: { start: { fields: { env: { PEER: text } } } },
});
/** Services need not be on any node. */
const FREE: ClusterTemplate = { constraints: { services: { lb: { min: 0 }, web: { min: 0 }, db: { min: 0 } } } };

describe("what is left when nodes go", () => {
  it("must have the nodes that macros of the configuration name", () => {
    const subject = cluster({ config: { lb: { peers: ["%ip.service.web[0]%", "%ip.service.web[2]%"] } } });
    const said =
      /lb\.peers\[1\] of the configuration says %ip\.service\.web\[2\]%, and then only 2 nodes carry "web", counted from 0\. Give lb\.peers\[1\] another value first/;
    refused("MACRO_ERROR", () => remove(subject, 1002), said);
    refused("MACRO_ERROR", () => newest(subject, "web", 1), said);
    remove(cluster({ config: { lb: { peers: "%ip.service.web[1]%" } } }), 1002);
    // Lists are as long as they are.
    remove(cluster({ config: { lb: { peers: "%ip.service.web%" } } }), 1002);
  });

  it("must have the nodes that actions and the check name, on the images where they do", () => {
    const said = /env\.PEER of the action start of service "lb" says %host\.service\.web\[2\]%.* keep the nodes/;
    const bodies = { lb: saying("%host.service.web[2]%") };
    refused("MACRO_ERROR", () => remove(cluster({ bodies }), 1001), said);
    const variants = [{ imageTypes: ["alpine"], fields: { env: { PEER: "%host.service.web[2]%" } } }, {}];
    remove(cluster({ bodies: { lb: { actions: { start: { variants } } } } }), 1001);
    const script = "echo %host.service.web[2]%";
    remove(cluster({ bodies: { lb: { actions: { start: { fields: { script } } } } } }), 1001);
    const check = { service: "db", script, fields: { env: { LAST: "%host.service.web[2]%" } } };
    refused("MACRO_ERROR", () => remove(cluster({ template: { check } }), 1001), /env\.LAST of the check/);
  });

  it("may have macros that had no value before, and those that nobody sees", () => {
    remove(cluster({ config: { lb: { peer: "%host.service.web[3]%" } } }), 1002);
    remove(cluster({ config: { lb: { peer: "%ip.storage.service.web[2]%" } } }), 1002);
    remove(cluster({ config: { cache: { peer: "%host.service.web[2]%" } }, bodies: { cache: saying("") } }), 1002);
    const still: Service = {};
    const bodies = { lb: still, web: still, db: still };
    remove(cluster({ config: { shared: "%host.service.web[2]%" }, bodies }), 1002);
  });

  it("is counted without what is not there", () => {
    const nodes = [...cluster().nodes, node(1005, ["web"], { isFinished: false })];
    refused("MACRO_ERROR", () => remove(cluster({ nodes, config: { a: "%host.service.web[2]%" } }), 1002));
    remove(cluster({ nodes, config: { a: "%host.service.web[2]%" } }), 1005);
    const halfway = { web: "install" } as const;
    const gone = cluster().nodes.map((one) => (one.number === 1003 ? { ...one, halfway } : one));
    refused("MACRO_ERROR", () => remove(cluster({ nodes: gone, config: { a: "%host.service.web[1]%" } }), 1002));
  });

  it("can be told nothing of itself when all of it goes", () => {
    const bodies = { db: { actions: { stop: { fields: { env: { FIRST: "%host.service.db[0]%" } } } } } };
    refused("MACRO_ERROR", () => remove(cluster({ bodies, template: FREE }), 1004), /then no node of the cluster/);
    remove(cluster({ bodies: { db: saying("%host.service.db[0]%") }, template: FREE }), 1004);
  });

  it("is told nothing where there is nothing to stop", () => {
    const stop = { fields: { env: { FIRST: "%host.service.web[0]%" } } };
    const subject = (isFinished: boolean): ChangingCluster =>
      cluster({
        template: FREE,
        bodies: { lb: {}, db: { actions: { stop } } },
        nodes: [...cluster().nodes.slice(0, 4), node(1004, ["db"], { isFinished })],
      });
    refused("MACRO_ERROR", () => remove(subject(true), 1001, 1002, 1003, 1004), /then no node of the cluster/);
    remove(subject(false), 1001, 1002, 1003, 1004);
  });

  it("must have what it requires, where that is there now", () => {
    const said = /"lb" requires "web"\. Take away what requires it as well\.$/;
    refused("MISSING_DEPENDENCIES", () => remove(cluster({ template: FREE }), 1001, 1002, 1003), said);
    refused("MISSING_DEPENDENCIES", () => newest(cluster({ template: FREE }), "web", 3), said);
    remove(cluster({ template: FREE }), 1000, 1001, 1002, 1003);
    const other: Service = { provides: ["web"] };
    remove(cluster({ template: FREE, bodies: { db: other } }), 1001, 1002, 1003);
    const needy: Service = { install: { requires: ["mail"] } };
    remove(cluster({ template: FREE, bodies: { lb: needy } }), 1001);
  });
});

describe("what is left when services go", () => {
  it("must have what its macros name", () => {
    refused(
      "MACRO_ERROR",
      () => removeServices(cluster({ config: { web: { db: "%ip.service.db[0]%" } } }), ["db"]),
      /^db cannot be taken away from "shop-1": web\.db of the configuration says %ip\.service\.db\[0\]%, and then no node of the cluster carries "db"\. Give web\.db another value first/,
    );
    removeServices(cluster({ config: { web: { db: "%ip.service.db%" } } }), ["db"]);
  });

  it("is not asked what goes says of itself", () => {
    const bodies = { db: { actions: { stop: { fields: { env: { FIRST: "%host.service.db[0]%" } } } } } };
    removeServices(cluster({ bodies, config: { db: { first: "%host.service.db[0]%" } } }), ["db"]);
  });

  it("may lack what nobody answered to before", () => {
    removeServices(cluster({ bodies: { web: { install: { requires: ["mail"] } } } }), ["db"]);
  });

  it("says which macros, and of many only some", () => {
    const peers = Array.from({ length: 5 }, () => "%ip.service.db[0]%");
    refused(
      "MACRO_ERROR",
      () => removeServices(cluster({ config: { web: { peers } } }), ["db"]),
      /; and 2 more macros\./,
    );
  });
});
