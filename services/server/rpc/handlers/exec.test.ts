import assert from "node:assert/strict";
import { memoryApplication } from "../../../../test/contract/memory-application.js";
import type { ExecRequest, ExecResponse } from "../../../../gen/services/loom/v1/exec.js";
import { createConduit } from "../../../common/conduit.js";
import { LoomError } from "../../../common/errors.js";
import type { Caller } from "../../application.js";
import { execHandler } from "./exec.js";

const CALLER: Caller = {
  tenant: "default",
  user: "ada",
  role: "admin",
  credential: "t1",
  sourceAddress: "127.0.0.1",
};
const START: ExecRequest = {
  body: {
    $case: "start",
    value: { node: "clusters/demo-1s/nodes/1000", command: ["true"], env: {}, terminal: undefined },
  },
};

/** For a call's first message. */
const LIMIT_MS = 5;

describe("a command's call", () => {
  let asked = 0;
  let release = (): void => undefined;
  const { application } = memoryApplication({
    exec: {
      async *exec() {
        asked += 1;
        await new Promise<void>((resolve) => (release = resolve));
        yield { kind: "end", exitCode: 0 };
      },
    },
  });
  const context = { caller: CALLER, signal: new AbortController().signal };
  const call = (requests: AsyncIterable<ExecRequest>): AsyncIterator<ExecResponse> =>
    execHandler(application.exec, LIMIT_MS)(requests, context)[Symbol.asyncIterator]();
  beforeEach(() => (asked = 0));

  it("ends where it does not say in time what to run, also when its stream breaks later", async () => {
    const requests = createConduit<ExecRequest>(1);
    await assert.rejects(call(requests).next(), (thrown: unknown) => {
      assert.ok(thrown instanceof LoomError);
      assert.equal(thrown.reason, "TIMED_OUT");
      assert.match(thrown.message, /no start .* Send it first/);
      return true;
    });
    // Nobody takes this error any more; it must not end the server.
    requests.end(new LoomError("CANCELLED", "gone"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked, 0);
  });

  it("takes what time it needs once it has said so", async () => {
    const requests = createConduit<ExecRequest>(1);
    void requests.push(START);
    const first = call(requests).next();
    // Timers of one length fire in their order: the limit's would have fired before this one.
    await new Promise((resolve) => setTimeout(resolve, LIMIT_MS));
    assert.equal(asked, 1);
    release();
    assert.deepEqual((await first).value, { body: { $case: "end", value: { exitCode: 0 } } });
  });
});
