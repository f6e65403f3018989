/** Commands on nodes of this machine. */
import { describeExec } from "../support/exec-suite.js";
import { LoomProcess } from "../support/loom-process.js";

describe("loom exec and loom ssh on local", function () {
  this.timeout(120_000);
  let loom: LoomProcess;
  before(async () => {
    loom = new LoomProcess({ flags: ["--provider", "local"] });
    await loom.up();
  });
  after(async () => {
    if (loom === undefined) return;
    await loom.loom("delete", "hello", "--yes", "--wait");
    await loom.destroy();
  });

  describeExec(() => loom);
});
