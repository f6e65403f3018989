/** Everything that can be done to a cluster, on two of the shipped templates. `make catalog-test` does it to all of them. */
import assert from "node:assert/strict";
import { runSteps, STEPS } from "../catalog/steps.js";
import { TEMPLATES } from "../catalog/templates.js";
import { LoomProcess } from "../support/loom-process.js";
import { needsDocker } from "./daemon.js";

describe("operations on docker", function () {
  this.timeout(300_000);
  needsDocker();
  let loom: LoomProcess;
  before(async () => {
    loom = new LoomProcess();
    await loom.up("--no-farm");
  });
  after(() => loom?.destroy());

  for (const subject of TEMPLATES.filter(({ template }) => template === "web-farm" || template === "redis")) {
    it(`${subject.template} is made, configured, grown, shrunk, mended, stopped, started and deleted`, async () => {
      const said: string[] = [];
      // That their checks go red is shown in catalog.test.ts, in less time.
      const steps = STEPS.filter((step) => step !== "check red");
      const { failure, left } = await runSteps(loom, subject, (line) => said.push(line), steps);
      assert.equal(failure, undefined, said.join("\n"));
      assert.deepEqual(left, []);
    });
  }
});
