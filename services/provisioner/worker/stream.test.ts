import { strict as assert } from "node:assert";
import { assignment } from "../../../test/support/fake-work-server.js";
import { manualAutomator, useProvisioner } from "../../../test/support/provisioner-at-work.js";

const NEVER = new AbortController().signal;

describe("Work stream of a provisioner", () => {
  const at = useProvisioner();

  it("tells results again on a new stream until they are acknowledged", async () => {
    await at.start();
    at.server.acknowledge = false;
    at.server.assign(assignment("CREATE", 1));
    await at.server.until(() => at.server.results.length === 1);
    at.server.close();
    await at.server.listen();
    at.server.acknowledge = true;
    await at.server.until(() => at.server.results.length === 2 && at.server.registers.length === 2);
    assert.deepEqual(at.server.results[1], at.server.results[0]);
    // A later answer on the same stream shows that the acknowledgement of the first has arrived; the second may be cut off.
    at.server.assign(assignment("CONFIRM", 2));
    await at.server.until(() => at.server.results.length === 3);
    at.server.close();
    await at.server.listen();
    await at.server.until(() => at.server.registers.length === 3);
    at.server.assign(assignment("DELETE", 3));
    await at.server.until(() => at.server.results.some(({ lease }) => lease!.task === 3));
    assert.equal(at.server.results.filter(({ lease }) => lease!.task === 1).length, 2);
  });

  it("tells the result of a task that ended while the server was away", async () => {
    const { runs, automator } = manualAutomator();
    await at.start({ automators: [automator] });
    at.server.assign(assignment("START", 1, { service: "web" }));
    await at.server.until(() => runs.length === 1);
    at.server.close();
    runs[0]!.print("while away\n");
    runs[0]!.end(0);
    await at.server.listen();
    await at.server.until(() => at.server.results.length === 1);
    assert.equal(at.server.results[0]!.succeeded, true);
    assert.deepEqual(at.server.texts, ["while away\n"]);
    assert.deepEqual(at.server.order.slice(-2), ["log", "result"]);
  });

  it("does a task that is handed out twice once", async () => {
    const { runs, automator } = manualAutomator();
    await at.start({ automators: [automator] });
    at.server.assign(assignment("START", 1, { service: "web" }), assignment("START", 1, { service: "web" }));
    at.server.assign(assignment("START", 2, { service: "web" }));
    await at.server.until(() => runs.length === 2);
    runs.forEach(({ end }) => end(0));
    await at.server.until(() => at.server.results.length === 2);
  });

  it("ends a revoked task on the node and says so", async () => {
    const { runs, killed, automator } = manualAutomator();
    await at.start({ automators: [automator] });
    const revoked = assignment("START", 1, { service: "web" });
    at.server.assign(revoked);
    await at.server.until(() => runs.length === 1);
    at.server.streams.at(-1)!.write({ body: { $case: "revocations", value: { leases: [revoked.lease!] } } });
    await at.server.until(() => at.server.results.length === 1);
    assert.equal(at.server.results[0]!.reason, "CANCELLED");
    assert.equal(runs[0]!.signal.aborted, true);
    assert.deepEqual(killed, [revoked.taskKey]);
  });

  it("gives up a task whose lease was not renewed, and tells nothing", async () => {
    const { runs, killed, automator } = manualAutomator();
    at.server.leaseMs = 400;
    await at.start({ automators: [automator] });
    at.server.assign(assignment("START", 1, { service: "web" }));
    await at.server.until(() => runs.length === 1);
    at.server.renew = false;
    await at.server.until(() => runs[0]!.signal.aborted);
    at.server.renew = true;
    at.server.assign(assignment("START", 2, { service: "web" }));
    await at.server.until(() => runs.length === 2);
    runs[1]!.end(0);
    await at.server.until(() => at.server.results.length > 0);
    assert.deepEqual(
      at.server.results.map(({ lease }) => lease!.task),
      [2],
    );
    assert.deepEqual(killed, []);
  });

  it("gives up a task at once whose lease the server does not renew", async () => {
    const { runs, automator } = manualAutomator();
    // So long that the lease does not run out by itself within the test.
    at.server.leaseMs = 600_000;
    await at.start({ automators: [automator] });
    at.server.assign(assignment("START", 1, { service: "web" }), assignment("START", 2, { service: "web" }));
    await at.server.until(() => runs.length === 2);
    at.server.renewOnly = (task) => task === 2;
    await at.server.until(() => runs[0]!.signal.aborted);
    assert.equal(runs[1]!.signal.aborted, false);
    runs[1]!.end(0);
    await at.server.until(() => at.server.results.length > 0);
    assert.deepEqual(
      at.server.results.map(({ lease }) => lease!.task),
      [2],
    );
  });

  it("connects again where heartbeats are not answered", async () => {
    const { runs, automator } = manualAutomator();
    at.server.leaseMs = 200;
    // An automator that does not let go keeps the task there.
    await at.start({
      automators: [
        { ...automator, act: () => (runs.push({ signal: NEVER, end() {}, print() {} }), new Promise(() => {})) },
      ],
    });
    at.server.assign(assignment("START", 1, { service: "web" }));
    await at.server.until(() => runs.length === 1);
    at.server.renew = false;
    await at.server.until(() => at.server.registers.length === 2);
  });

  it("ends an older attempt before a newer one begins, and refuses the older one afterwards", async () => {
    const { runs, automator } = manualAutomator();
    await at.start({ automators: [automator], streams: 2 });
    at.server.assign(assignment("START", 1, { service: "web" }));
    await at.server.until(() => runs.length === 1);
    at.server.streams[0]!.write({
      body: { $case: "assignments", value: { assignments: [assignment("START", 1, { service: "web", attempt: 2 })] } },
    });
    await at.server.until(() => runs.length === 2);
    assert.equal(runs[0]!.signal.aborted, true);
    at.server.assign(assignment("START", 1, { service: "web", attempt: 1, runner: 0 }));
    await at.server.until(() => at.server.results.length === 1);
    assert.equal(at.server.results[0]!.reason, "FENCED");
    runs[1]!.end(0);
    await at.server.until(() => at.server.results.length === 2);
    assert.equal(at.server.results[1]!.lease!.attempt, 2);
  });

  it("stops although tasks run, and takes no new ones", async () => {
    const { runs, killed, automator } = manualAutomator();
    await at.start({ automators: [automator] });
    at.server.assign(assignment("START", 1, { service: "web" }));
    await at.server.until(() => runs.length === 1);
    await at.provisioner.stop();
    assert.equal(runs[0]!.signal.aborted, true);
    assert.deepEqual(killed, []);
    assert.deepEqual(at.server.results, []);
  });
});
