import assert from "node:assert/strict";
import { LoomError } from "../../common/errors.js";
import type { ObservedMachine, Provider } from "../providers/provider.js";
import { inventoryReports, MACHINES_PER_REPORT } from "./inventory.js";

const providerWith = (inventory: Provider["inventory"]): Provider => ({ type: "docker", inventory }) as Provider;
const machines = (count: number): ObservedMachine[] =>
  Array.from({ length: count }, (_, index) => ({
    token: `t${index}`,
    machine: `m${index}`,
    running: index % 2 === 0,
    clusterUid: "u",
    nodeNumber: 1000 + index,
  }));
const question = { query: "q", providerType: "docker", providerFields: { host: "h" } };
const unexpected = (error: unknown): never => assert.fail(String(error));

describe("inventoryReports", () => {
  for (const count of [0, 1, MACHINES_PER_REPORT, MACHINES_PER_REPORT + 1, 3 * MACHINES_PER_REPORT]) {
    it(`tells ${count} machines whole, and which report is the last`, async () => {
      let asked: unknown;
      const provider = providerWith(async (fields) => {
        asked = fields;
        return machines(count);
      });
      const reports = await inventoryReports([provider], question, unexpected);
      assert.deepEqual(asked, { host: "h" });
      assert.deepEqual(
        reports.flatMap((report) => report.machines),
        machines(count).map(({ nodeNumber, ...rest }) => ({ ...rest, node: nodeNumber })),
      );
      assert.deepEqual(
        reports.map(({ query, error, more }) => [query, error, more]),
        reports.map((_, index) => ["q", "", index < reports.length - 1]),
      );
      assert.equal(reports.length, Math.max(1, Math.ceil(count / MACHINES_PER_REPORT)));
    });
  }

  it("tells of machines whose provider keeps neither cluster nor node", async () => {
    const provider = providerWith(async () => [{ token: "t", machine: "m", running: true }]);
    const [report] = await inventoryReports([provider], question, unexpected);
    assert.deepEqual(report!.machines, [{ token: "t", machine: "m", running: true, clusterUid: "", node: 0 }]);
  });

  it("says why there is no answer", async () => {
    const broken = providerWith(() => Promise.reject(new LoomError("PROVIDER_UNREACHABLE", "It is off.")));
    const empty = { query: "q", machines: [], more: false };
    assert.deepEqual(await inventoryReports([broken], question, unexpected), [{ ...empty, error: "It is off." }]);
    const silent = providerWith(() => new Promise(() => {}));
    assert.deepEqual(await inventoryReports([silent], question, unexpected, 10), [
      { ...empty, error: "The provider did not list its machines within 0.01 s." },
    ]);
    const [other] = await inventoryReports([silent], { ...question, providerType: "ec2" }, unexpected);
    assert.match(other!.error, /no provider of type "ec2"/);
    const unknown: unknown[] = [];
    const odd = providerWith(() => Promise.reject(new Error("secret in a stack")));
    const [report] = await inventoryReports([odd], question, (error) => unknown.push(error));
    assert.equal(unknown.length, 1);
    assert.ok(report!.error !== "" && !report!.error.includes("secret"));
  });
});
