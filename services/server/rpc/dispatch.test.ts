import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { Duplex, finished } from "node:stream";
import { promisify } from "node:util";
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import { QUIET_LOG } from "../../../test/contract/use-loom.js";
import { bidiCall } from "./dispatch.js";
import type { Incoming } from "./incoming.js";

describe("bidiCall", () => {
  it("listens no longer than its call: what follows the server's end lives as long as the server", async () => {
    const call = Object.assign(
      new Duplex({ objectMode: true, read: () => undefined, write: (_chunk, _encoding, done) => done() }),
      { metadata: new Metadata(), getDeadline: () => Infinity, getAuthContext: () => null },
    );
    call.push(null);
    let signal: AbortSignal | undefined;
    const handle = bidiCall<object, string>(
      "WorkerService.Sessions",
      async function* (_requests, context) {
        ({ signal } = context);
        assert.equal(getEventListeners(signal, "abort").length, 1);
        yield "said";
      },
      { log: QUIET_LOG, stopping: new AbortController().signal },
    );
    handle(call as unknown as ServerDuplexStream<Incoming<object>, string>);
    await promisify(finished)(call.resume());
    assert.equal(getEventListeners(signal!, "abort").length, 0);
  });
});
