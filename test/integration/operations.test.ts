/** Operations on running clusters, through a whole server on simulated machines: what is refused, and what is left then. */
import assert from "node:assert/strict";
import { LoomError, type Reason } from "../../services/common/errors.js";
import type { ClusterOperations, Mutation } from "../../services/server/application.js";
import type { ClusterView, JobView } from "../../services/server/views.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";
import { deferred, until } from "../support/wait.js";
import { madeCluster, small } from "../chaos/operations.js";

const because =
  (reason: Reason, message?: RegExp) =>
  (thrown: unknown): boolean => {
    assert.ok(thrown instanceof LoomError, String(thrown));
    assert.equal(thrown.reason, reason, thrown.message);
    if (message !== undefined) assert.match(thrown.message, message);
    return true;
  };

describe("operations on a running cluster", function () {
  this.timeout(60_000);
  const loom = useLoom();
  const clusters = (): ClusterOperations => loom.application.clusters;
  const get = (name: string): Promise<ClusterView> => clusters().get(CALLER, name);
  const dry = { ...mutation(), validateOnly: true };
  let cases = 0;
  let name = "";

  beforeEach(async () => {
    loom.faults();
    loom.instance.hooks = {};
    name = await madeCluster(loom, `o${(cases += 1)}`);
  });

  async function done(asked: Promise<JobView>): Promise<JobView> {
    const { number } = await asked;
    const job = await loom.ended(name, number);
    assert.equal(job.state, "COMPLETE", job.message);
    return job;
  }

  /** Returns the number of the job. */
  async function failed(asked: Promise<JobView>): Promise<number> {
    const { number } = await asked;
    assert.equal((await loom.ended(name, number)).state, "FAILED");
    return number;
  }

  /** What a plan does, as `ACTION service`. */
  const stepsOf = ({ plan }: JobView): string[] =>
    plan!.stages.flat().map(({ action, service }) => `${action} ${service}`);

  async function deleteCancelledBeforeItsPlan(): Promise<void> {
    const { state } = await get(name);
    await cancelledBeforeItsPlan(() => clusters().delete(CALLER, name, mutation()));
    assert.equal((await get(name)).state, state);
  }

  async function cancelledBeforeItsPlan(ask: () => Promise<JobView>): Promise<void> {
    const planning = deferred();
    const goOn = deferred();
    loom.instance.hooks = {
      async beforeStatement(statement) {
        if (statement !== "take job") return;
        planning.resolve();
        await goOn.promise;
      },
    };
    const { number } = await ask();
    await planning.promise;
    await loom.application.jobs.cancel(CALLER, name, number, mutation());
    loom.instance.hooks = {};
    goOn.resolve();
    assert.equal((await loom.ended(name, number)).state, "CANCELLED");
  }

  const configure = (config: Record<string, never> | object, more = {}): Promise<JobView> =>
    clusters().configure(
      CALLER,
      name,
      { config: config as never, services: [], restart: false },
      { ...mutation(), ...more },
    );

  it("shows what would be done and what would change, and does nothing of it", async () => {
    const before = await get(name);
    const { plan } = await configure({ front: { port: 81 } }, { validateOnly: true });
    assert.deepEqual(plan!.configChanges, [{ path: "front.port", before: "", after: "81" }]);
    assert.deepEqual(
      plan!.nodes.map(({ number, change }) => [number, change]),
      [[1001, "UPDATE"]],
    );
    const replaced = await clusters().replaceNode(CALLER, name, 1000, dry);
    assert.deepEqual(
      replaced.plan!.nodes.map(({ number, change }) => [number, change]),
      [
        [1000, "REPLACE"],
        [1001, "UPDATE"],
      ],
    );
    assert.deepEqual(await get(name), before);
  });

  it("leaves a cluster that a refused operation meant as it was", async () => {
    const before = await get(name);
    const own = clusters();
    const refused: [Reason, () => Promise<unknown>][] = [
      ["NO_LAYOUT", () => own.removeNodes(CALLER, name, { nodes: [1000], service: "", count: 0 }, mutation())],
      ["NODE_NOT_FOUND", () => own.replaceNode(CALLER, name, 7, mutation())],
      ["NOTHING_TO_DO", () => own.repair(CALLER, name, mutation())],
      ["NOTHING_TO_DO", () => own.actOn(CALLER, name, "STOP_SERVICES", ["back"], mutation())],
      [
        "ALREADY_PRESENT",
        () => own.addServices(CALLER, name, { services: ["back"], withDependencies: false }, mutation()),
      ],
      ["SERVICE_NOT_FOUND", () => own.removeServices(CALLER, name, ["side"], mutation())],
      ["NO_LAYOUT", () => own.removeServices(CALLER, name, ["front"], mutation())],
      ["INVALID_CONFIG", () => configure({ back: { $secret: "x" } })],
      ["INVALID_CONFIG", () => configure({ front: { peers: "%nothing.at.all%" } })],
    ];
    for (const [reason, ask] of refused) await assert.rejects(ask(), because(reason), reason);
    // To be refused a repair it was looked at.
    assert.deepEqual({ ...(await get(name)), observed: before.observed }, before);
  });

  it("changes the configuration for good, and keeps secrets to itself", async () => {
    await done(configure({ back: { password: "hunter2-hunter2" }, front: { port: 81 } }));
    const { config, state } = await get(name);
    assert.equal(state, "ACTIVE");
    assert.deepEqual(config, { back: { password: "********" }, front: { port: 81 } });
    await done(configure({ front: { port: null } }));
    assert.deepEqual((await get(name)).config, { back: { password: "********" }, front: {} });
    const { items } = await loom.application.events.list(CALLER, name, { pageSize: 100, pageToken: "" });
    assert.ok(!JSON.stringify(items).includes("hunter2"));
    const { rows } = await loom.database.pool.query(
      "SELECT config::text AS text, request::text AS asked FROM cluster, job",
    );
    assert.ok(rows.length > 0 && !JSON.stringify(rows).includes("hunter2"));
  });

  it("keeps a password that is given as it keeps one that is made", async () => {
    const request = {
      ...small(`p${(cases += 1)}`, mutation().requestId),
      config: { back: { password: "hunter3-hunter3" } },
    };
    const view = await clusters().create(CALLER, request);
    await loom.ended(view.name, 1);
    assert.deepEqual((await get(view.name)).config, { back: { password: "********" } });
    const { rows } = await loom.database.pool.query(
      "SELECT config::text AS text, request::text AS asked FROM cluster, job",
    );
    assert.ok(rows.length > 0 && !JSON.stringify(rows).includes("hunter3"));
  });

  it("keeps a password that is a number, or that comes after none, as it keeps any other", async () => {
    const given = { ...small(`p${(cases += 1)}`, mutation().requestId), config: { back: { password: 20261121 } } };
    const view = await clusters().create(CALLER, given);
    await loom.ended(view.name, 1);
    assert.deepEqual((await get(view.name)).config, { back: { password: "********" } });
    const shown = await configure({ back: { password: 20261122 } }, { validateOnly: true });
    assert.deepEqual(shown.plan!.configChanges, [{ path: "back.password", before: '"********"', after: '"********"' }]);
    await done(configure({ back: { password: 20261122 } }));
    await done(configure({ back: { password: null } }));
    assert.deepEqual((await get(name)).config, { back: {} });
    await done(configure({ back: { password: "hunter5-hunter5" } }));
    assert.deepEqual((await get(name)).config, { back: { password: "********" } });
    const { rows } = await loom.database.pool.query(
      "SELECT config::text AS text, request::text AS asked FROM cluster, job",
    );
    assert.ok(rows.length > 0 && !/hunter5|2026112/.test(JSON.stringify(rows)));
    await assert.rejects(
      configure({ back: { password: ["x"] } }),
      because("INVALID_CONFIG", /config\.back\.password: is a secret/),
    );
  });

  it("puts a service on every node, and takes it off again", async () => {
    await done(clusters().addServices(CALLER, name, { services: ["side"], withDependencies: false }, mutation()));
    const grown = await get(name);
    assert.deepEqual(grown.services, ["back", "front", "side"]);
    assert.deepEqual(
      grown.layout.map(({ count, services }) => [count, services]),
      [
        [1, ["back", "side"]],
        [1, ["front", "side"]],
      ],
    );
    assert.deepEqual((grown.config["side"] as { key: string }).key, "********");
    await done(clusters().removeServices(CALLER, name, ["side"], mutation()));
    assert.deepEqual((await get(name)).services, ["back", "front"]);
  });

  it("takes a service off that names its own nodes", async () => {
    await done(clusters().addServices(CALLER, name, { services: ["side"], withDependencies: false }, mutation()));
    await done(configure({ side: { first: "%host.service.side[0]%", all: "%host.service.side%" } }));
    await done(clusters().removeServices(CALLER, name, ["side"], mutation()));
    const { state, services } = await get(name);
    assert.deepEqual([state, services], ["ACTIVE", ["back", "front"]]);
  });

  it("takes a service off that has nothing to stop, also where nothing at all is to be done", async () => {
    const action = { type: "shell", fields: { script: "true" } };
    const files = [
      { kind: "Service", name: "mark", actions: { install: action } },
      { kind: "Service", name: "bare" },
      { kind: "ClusterTemplate", name: "plain", defaults: { services: ["back"], provider: "simulated" } },
    ].map((document) => ({ path: `${document.name}.yaml`, text: JSON.stringify(document) }));
    const { requestId } = mutation();
    await loom.application.catalog.apply(CALLER, { files, shipped: false, requestId, validateOnly: false });
    const plain = await clusters().create(CALLER, { ...small("plain", mutation().requestId, 1), template: "plain" });
    assert.equal((await loom.ended(plain.name, 1)).state, "COMPLETE");
    for (const [of, services] of [
      [name, ["back", "front"]],
      [plain.name, ["back"]],
    ] as const) {
      for (const service of ["mark", "bare"]) {
        const added = await clusters().addServices(
          CALLER,
          of,
          { services: [service], withDependencies: false },
          mutation(),
        );
        assert.equal((await loom.ended(of, added.number)).state, "COMPLETE");
        const removed = await clusters().removeServices(CALLER, of, [service], mutation());
        assert.equal((await loom.ended(of, removed.number)).state, "COMPLETE");
        const { state, services: left } = await get(of);
        assert.deepEqual([state, left], ["ACTIVE", services]);
      }
    }
  });

  it("keeps fixed what was fixed when the cluster was made, whatever becomes of its template", async () => {
    const apply = (config: object, immutable = true): Promise<unknown> => {
      const documents = [
        { kind: "PartialTemplate", name: "fixed", immutable, defaults: { config } },
        {
          kind: "ClusterTemplate",
          name: "firm",
          includes: ["fixed"],
          defaults: { services: ["front", "back"], provider: "simulated" },
        },
      ];
      return loom.application.catalog.apply(CALLER, {
        files: [{ path: "firm.yaml", text: documents.map((document) => JSON.stringify(document)).join("\n---\n") }],
        shipped: false,
        requestId: mutation().requestId,
        validateOnly: false,
      });
    };
    await apply({ front: { port: 80 } });
    const request = { ...small("firm", mutation().requestId), template: "firm" };
    ({ name } = await clusters().create(CALLER, request));
    assert.equal((await loom.ended(name, 1)).state, "COMPLETE");
    await apply({ front: { zone: "a" } });
    await done(configure({ front: { zone: "b" } }));
    const isFixed = because("INVALID_CONFIG", /config\.front\.port: is fixed/);
    await assert.rejects(configure({ front: { port: 81 } }), isFixed);
    await apply({}, false);
    await assert.rejects(configure({ front: { port: 81 } }), isFixed);
    for (const [kind, id] of [
      ["ClusterTemplate", "firm"],
      ["PartialTemplate", "fixed"],
    ] as const)
      await loom.application.catalog.delete(CALLER, kind, id, mutation());
    await assert.rejects(configure({ front: { port: null } }), isFixed);
  });

  it("puts a service on that was taken off as the catalog has it by then", async () => {
    const apply = (config: object): Promise<unknown> => {
      const action = { type: "shell", fields: { script: "true" } };
      const actions = { install: action, configure: action, remove: action };
      const text = JSON.stringify({ kind: "Service", name: "extra", config, actions });
      return loom.application.catalog.apply(CALLER, {
        files: [{ path: "extra.yaml", text }],
        shipped: false,
        requestId: mutation().requestId,
        validateOnly: false,
      });
    };
    const add = (): Promise<JobView> =>
      clusters().addServices(CALLER, name, { services: ["extra"], withDependencies: false }, mutation());
    await apply({ level: "low", size: 1 });
    await done(add());
    await done(configure({ extra: { size: 2 } }));
    await done(clusters().removeServices(CALLER, name, ["extra"], mutation()));
    await apply({ level: "high", size: 3, more: true });
    await done(add());
    assert.deepEqual((await get(name)).config["extra"], { level: "high", size: 2, more: true });
    const { rows } = await loom.database.pool.query(
      "SELECT spec #>> '{services,extra,body,config,level}' AS level FROM cluster WHERE spec #> '{services,extra}' IS NOT NULL",
    );
    assert.deepEqual(rows, [{ level: "high" }]);
  });

  it("keeps what a macro names, until the macro is another one", async () => {
    name = await madeCluster(loom, `o${(cases += 1)}`, 3);
    const own = clusters();
    await done(own.addServices(CALLER, name, { services: ["side"], withDependencies: false }, mutation()));
    await done(configure({ front: { back: "%host.service.back[1]%", side: "%ip.service.side[0]%" } }));
    const before = await get(name);
    const removals = [
      (how: Mutation) => own.removeNodes(CALLER, name, { nodes: [1000], service: "", count: 0 }, how),
      (how: Mutation) => own.removeServices(CALLER, name, ["side"], how),
    ];
    const said = [/front\.back of the configuration says %host\.service\.back\[1\]%/, /front\.side .* no node/];
    for (const [index, remove] of removals.entries())
      for (const how of [dry, mutation()])
        await assert.rejects(remove(how), because("MACRO_ERROR", said[index]), String(index));
    assert.deepEqual(await get(name), before);
    await done(configure({ front: { back: "%host.service.back[0]%", side: null } }));
    for (const remove of removals) await done(remove(mutation()));
    const { state, services, nodeCount } = await get(name);
    assert.deepEqual([state, services, nodeCount], ["ACTIVE", ["back", "front"], 2]);
  });

  it("counts nodes as they come and go", async () => {
    await done(clusters().addNodes(CALLER, name, "back", 2, mutation()));
    assert.equal((await get(name)).nodeCount, 4);
    await done(clusters().removeNodes(CALLER, name, { nodes: [1000], service: "", count: 0 }, mutation()));
    const { nodeCount, layout } = await get(name);
    assert.deepEqual([nodeCount, layout.map(({ count }) => count)], [3, [2, 1]]);
    await done(clusters().addNodes(CALLER, name, "back", 1, mutation()));
    const { items } = await clusters().listNodes(CALLER, name, { pageSize: 10, pageToken: "", showDeleted: false });
    assert.deepEqual(
      items.map(({ number }) => number),
      [1001, 1002, 1003, 1004],
    );
  });

  it("gives the first answer again, whatever the cluster is by then", async () => {
    const own = mutation();
    const first = await done(clusters().replaceNode(CALLER, name, 1000, own));
    await done(clusters().addNodes(CALLER, name, "back", 1, mutation()));
    const again = await clusters().replaceNode(CALLER, name, 1000, own);
    assert.equal(again.number, first.number);
    await assert.rejects(clusters().replaceNode(CALLER, name, 1001, own), because("REQUEST_ID_REUSED"));
  });

  it("is the cluster it was where a job is cancelled before its plan", async () => {
    const before = await get(name);
    await cancelledBeforeItsPlan(() => clusters().addNodes(CALLER, name, "back", 3, mutation()));
    const { state, nodeCount, layout } = await get(name);
    assert.deepEqual([state, nodeCount, layout], ["ACTIVE", before.nodeCount, before.layout]);
  });

  it("decides again where the cluster changed while it was decided", async () => {
    let isChanged = false;
    await done(clusters().addNodes(CALLER, name, "back", 1, mutation()));
    loom.instance.hooks = {
      async beforeStatement(statement) {
        if (statement !== "accept REMOVE_NODES" || isChanged) return;
        isChanged = true;
        await done(clusters().addNodes(CALLER, name, "back", 1, mutation()));
      },
    };
    const { number } = await clusters().removeNodes(CALLER, name, { nodes: [], service: "back", count: 1 }, mutation());
    assert.ok(isChanged);
    assert.equal((await loom.ended(name, number)).state, "COMPLETE");
    const { items } = await clusters().listNodes(CALLER, name, { pageSize: 10, pageToken: "", showDeleted: false });
    // The newest is the one that came meanwhile.
    assert.deepEqual(
      items.map((node) => node.number),
      [1000, 1001, 1002],
    );
  });

  it("allows only one of two at the same time", async () => {
    const both = await Promise.allSettled([
      clusters().addNodes(CALLER, name, "back", 1, mutation()),
      clusters().replaceNode(CALLER, name, 1000, mutation()),
    ]);
    const refused = both.filter((one) => one.status === "rejected");
    assert.equal(refused.length, 1);
    because("CLUSTER_BUSY")(refused[0]!.reason);
    const accepted = both.find((one) => one.status === "fulfilled")!;
    await done(Promise.resolve((accepted as PromiseFulfilledResult<JobView>).value));
  });

  it("is repaired where a failed change left it, and told everything again", async () => {
    loom.faults({ fault: "fail", action: "CREATE", times: "always", node: 1002 });
    const { number } = await clusters().addNodes(CALLER, name, "back", 1, mutation());
    assert.equal((await loom.ended(name, number)).state, "FAILED");
    assert.equal((await get(name)).state, "INCONSISTENT");
    await assert.rejects(clusters().actOn(CALLER, name, "STOP_SERVICES", [], mutation()), because("CLUSTER_STATE"));
    loom.faults();
    await done(clusters().repair(CALLER, name, mutation()));
    const { state, nodeCount } = await get(name);
    assert.deepEqual([state, nodeCount], ["ACTIVE", 3]);
    const { uid } = await get(name);
    assert.equal(loom.judge(uid).live.size, 3);
  });

  it("may lose the nodes that a failed change did not finish", async () => {
    loom.faults({ fault: "fail", action: "INSTALL", times: "always", node: 1002 });
    const { number } = await clusters().addNodes(CALLER, name, "back", 1, mutation());
    assert.equal((await loom.ended(name, number)).state, "FAILED");
    await done(clusters().removeNodes(CALLER, name, { nodes: [1002], service: "", count: 0 }, mutation()));
    const { state, nodeCount } = await get(name);
    assert.deepEqual([state, nodeCount], ["ACTIVE", 2]);
  });

  it("keeps the old machine where a new one cannot be made, and deletes all of them with the cluster", async () => {
    loom.faults({ fault: "fail", action: "INSTALL", service: "back", times: "always", node: 1000 });
    const { number } = await clusters().replaceNode(CALLER, name, 1000, mutation());
    assert.equal((await loom.ended(name, number)).state, "FAILED");
    const { uid } = await get(name);
    assert.equal(loom.judge(uid).live.size, 3);
    // Once more: now two machines have been taken over from.
    const { number: second } = await clusters().replaceNode(CALLER, name, 1000, mutation());
    assert.equal((await loom.ended(name, second)).state, "FAILED");
    assert.equal(loom.judge(uid).live.size, 4);
    await done(clusters().delete(CALLER, name, mutation()));
    assert.equal(loom.judge(uid).live.size, 0);
  });

  it("goes on with services that came halfway by a retry, or by a repair", async () => {
    const add = (): Promise<JobView> =>
      clusters().addServices(CALLER, name, { services: ["side"], withDependencies: false }, mutation());
    loom.faults({ fault: "fail", action: "INSTALL", service: "side", times: "always" });
    const number = await failed(add());
    assert.equal((await get(name)).state, "INCONSISTENT");
    loom.faults();
    await loom.application.jobs.retry(CALLER, name, number, mutation());
    await until("the retried job has ended", async () => (await get(name)).state === "ACTIVE");

    name = await madeCluster(loom, `o${(cases += 1)}`);
    loom.faults({ fault: "fail", action: "START", service: "side", times: "always", node: 1001 });
    await failed(add());
    loom.faults();
    // What is not there is not configured, and the cluster is not as it should be by that.
    await done(configure({}));
    assert.equal((await get(name)).state, "INCONSISTENT");
    await deleteCancelledBeforeItsPlan();
    assert.ok(stepsOf(await clusters().repair(CALLER, name, dry)).includes("START side"));
    await done(clusters().repair(CALLER, name, mutation()));
    const { state, services } = await get(name);
    assert.deepEqual([state, services], ["ACTIVE", ["back", "front", "side"]]);
  });

  it("has services again that were taken away halfway, after a repair", async () => {
    await done(clusters().addServices(CALLER, name, { services: ["side"], withDependencies: false }, mutation()));
    loom.faults({ fault: "fail", action: "REMOVE", service: "side", times: "always", node: 1001 });
    await failed(clusters().removeServices(CALLER, name, ["side"], mutation()));
    loom.faults();
    await done(configure({}));
    assert.equal((await get(name)).state, "INCONSISTENT");
    assert.ok(stepsOf(await clusters().repair(CALLER, name, dry)).includes("INSTALL side"));
    await done(clusters().repair(CALLER, name, mutation()));
    assert.equal((await get(name)).state, "ACTIVE");
    await done(clusters().removeServices(CALLER, name, ["side"], mutation()));
    assert.deepEqual((await get(name)).services, ["back", "front"]);
  });

  it("is not as it should be while a node is halfway gone, whatever else is done to it", async () => {
    name = await madeCluster(loom, `o${(cases += 1)}`, 3);
    loom.faults({ fault: "fail", action: "DELETE", times: "always", node: 1001 });
    await failed(clusters().removeNodes(CALLER, name, { nodes: [1001], service: "", count: 0 }, mutation()));
    loom.faults();
    await done(configure({}));
    assert.equal((await get(name)).state, "INCONSISTENT");
    await done(clusters().replaceNode(CALLER, name, 1000, mutation()));
    assert.equal((await get(name)).state, "INCONSISTENT");
    await deleteCancelledBeforeItsPlan();
    const { plan } = await clusters().repair(CALLER, name, dry);
    assert.deepEqual(
      plan!.nodes.map(({ number, change }) => [number, change]),
      [
        [1000, "UPDATE"],
        [1001, "REPLACE"],
        [1002, "UPDATE"],
      ],
    );
    await done(clusters().repair(CALLER, name, mutation()));
    const { state, uid } = await get(name);
    assert.deepEqual([state, loom.judge(uid).live.size], ["ACTIVE", 3]);
  });

  it("keeps the nodes that a change has made whole, whatever failed after that", async () => {
    loom.faults(
      { fault: "fail", action: "CHECK", times: "always" },
      { fault: "fail", action: "START", service: "back", times: "always", node: 1003 },
    );
    await failed(clusters().addNodes(CALLER, name, "back", 2, mutation()));
    loom.faults({ fault: "fail", action: "CHECK", times: "always" });
    const change = async (): Promise<string> =>
      (await clusters().repair(CALLER, name, dry))
        .plan!.nodes.map(({ number, change: kind }) => `${number} ${kind}`)
        .join(", ");
    assert.equal(await change(), "1000 UPDATE, 1001 UPDATE, 1002 UPDATE, 1003 REPLACE");
    await failed(clusters().repair(CALLER, name, mutation()));
    assert.equal(await change(), "1000 UPDATE, 1001 UPDATE, 1002 UPDATE, 1003 UPDATE");
    await failed(clusters().replaceNode(CALLER, name, 1001, mutation()));
    assert.ok(!(await change()).includes("REPLACE"));
    loom.faults();
    await done(clusters().repair(CALLER, name, mutation()));
    const { state, uid } = await get(name);
    assert.deepEqual([state, loom.judge(uid).live.size], ["ACTIVE", 4]);
    const removed = { nodes: [1000, 1003], service: "", count: 0 };
    await done(clusters().removeNodes(CALLER, name, removed, mutation()));
    assert.equal(loom.judge(uid).live.size, 2);
  });

  it("keeps a node that was to go and was not touched", async () => {
    name = await madeCluster(loom, `o${(cases += 1)}`, 3);
    const remove = (): Promise<JobView> =>
      clusters().removeNodes(CALLER, name, { nodes: [1001], service: "", count: 0 }, mutation());
    // What fails comes before anything is done on the node.
    loom.faults({ fault: "fail", action: "CONFIGURE", service: "front", times: "always" });
    await failed(remove());
    loom.faults();
    assert.ok(!stepsOf(await clusters().repair(CALLER, name, dry)).includes("CREATE "));
    await done(configure({}));
    assert.equal((await get(name)).state, "ACTIVE");
    const { incarnation } = await clusters().getNode(CALLER, name, 1001);
    assert.equal(incarnation, 1);
  });

  it("starts services that a job has stopped and not started, with the next configuration or a repair", async () => {
    loom.faults({ fault: "fail", action: "START", service: "front", times: "always" });
    await failed(clusters().actOn(CALLER, name, "RESTART_SERVICES", ["front"], mutation()));
    loom.faults();
    const ask = (services: readonly string[], more = {}): Promise<JobView> =>
      clusters().configure(CALLER, name, { config: {}, services, restart: false }, { ...mutation(), ...more });
    assert.ok(stepsOf(await clusters().repair(CALLER, name, dry)).includes("START front"));
    assert.ok(stepsOf(await ask([], { validateOnly: true })).includes("START front"));
    // Whoever is not told may be stopped still.
    await done(ask(["back"]));
    assert.equal((await get(name)).state, "INCONSISTENT");
    await done(ask([]));
    assert.equal((await get(name)).state, "ACTIVE");
  });

  it("leaves stopped what was stopped on purpose, until it is started, and checks nothing meanwhile", async () => {
    await done(clusters().actOn(CALLER, name, "STOP_SERVICES", ["front"], mutation()));
    loom.faults({ fault: "fail", action: "CHECK", times: "always" });
    await done(configure({ front: { port: 81 } }));
    await done(clusters().addNodes(CALLER, name, "back", 1, mutation()));
    const again = await clusters().configure(
      CALLER,
      name,
      { config: { front: { port: 82 } }, services: [], restart: true },
      dry,
    );
    assert.deepEqual(stepsOf(again), ["BOOTSTRAP ", "CONFIGURE front"]);
    assert.equal((await get(name)).state, "ACTIVE");
    loom.faults();
    const { plan } = await clusters().actOn(CALLER, name, "START_SERVICES", [], dry);
    assert.ok(plan!.stages.flat().some(({ action }) => action === "CHECK"));
    await done(clusters().actOn(CALLER, name, "START_SERVICES", [], mutation()));
    const told = stepsOf(await configure({ front: { port: 83 } }, { validateOnly: true }));
    assert.deepEqual(told, ["BOOTSTRAP ", "CONFIGURE front", "CHECK front"]);
  });

  it("is as it should be after a start or a restart of everything, where a job has left nobody knows what", async () => {
    for (const kind of ["START_SERVICES", "RESTART_SERVICES"] as const) {
      loom.faults({ fault: "fail", action: "START", service: "front", times: "always" });
      await failed(clusters().actOn(CALLER, name, "RESTART_SERVICES", ["front"], mutation()));
      loom.faults();
      await done(clusters().actOn(CALLER, name, kind, ["back"], mutation()));
      assert.equal((await get(name)).state, "INCONSISTENT");
      await done(clusters().actOn(CALLER, name, kind, [], mutation()));
      assert.equal((await get(name)).state, "ACTIVE");
    }
  });

  it("leaves nodes alone that were never made, until a repair", async () => {
    loom.faults({ fault: "fail", action: "CREATE", times: "always" });
    await failed(clusters().addNodes(CALLER, name, "back", 3, mutation()));
    loom.faults();
    await done(configure({ front: { port: 81 } }));
    await done(clusters().replaceNode(CALLER, name, 1003, mutation()));
    await done(clusters().actOn(CALLER, name, "RESTART_SERVICES", [], mutation()));
    assert.equal((await get(name)).state, "INCONSISTENT");
    // A node that is gone after all takes no repair away.
    await done(clusters().removeNodes(CALLER, name, { nodes: [1004], service: "", count: 0 }, mutation()));
    assert.equal((await get(name)).state, "INCONSISTENT");
    await done(clusters().repair(CALLER, name, mutation()));
    const { state, nodeCount, uid } = await get(name);
    assert.deepEqual([state, nodeCount, loom.judge(uid).live.size], ["ACTIVE", 4, 4]);
  });
});
