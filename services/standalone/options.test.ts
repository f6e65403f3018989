import assert from "node:assert/strict";
import { LoomError } from "../common/errors.js";
import { DEFAULT_WORKERS_PORT, readOptions } from "./options.js";

describe("where provisioners of other machines connect", () => {
  const read = (...argv: string[]) => readOptions(argv, {}).workers;

  it("is nowhere unless it is said", () => {
    assert.equal(read(), undefined);
    assert.equal(readOptions([], { LOOM_WORKERS_LISTEN: "" }).workers, undefined);
  });

  it("is an address with a port, or without", () => {
    const port = DEFAULT_WORKERS_PORT;
    assert.deepEqual(read("--workers-listen", "0.0.0.0:9000"), { host: "0.0.0.0", port: 9000 });
    assert.deepEqual(read("--workers-listen", "192.0.2.1"), { host: "192.0.2.1", port });
    assert.deepEqual(read("--workers-listen", "loom.example:0"), { host: "loom.example", port: 0 });
    assert.deepEqual(read("--workers-listen", "[2001:db8::1]:9000"), { host: "2001:db8::1", port: 9000 });
    assert.deepEqual(read("--workers-listen", "[::]"), { host: "::", port });
    assert.deepEqual(read("--workers-listen", "::1"), { host: "::1", port });
    assert.deepEqual(readOptions([], { LOOM_WORKERS_LISTEN: "127.0.0.2:1" }).workers, { host: "127.0.0.2", port: 1 });
  });

  it("is refused where it is none", () => {
    for (const text of ["http://x:1", "x:y", ":7421", "x:70000", "a b:1", "[x]:1"])
      assert.throws(
        () => read("--workers-listen", text),
        (thrown) =>
          thrown instanceof LoomError && thrown.reason === "INVALID_FIELD" && /--workers-listen/.test(thrown.message),
        text,
      );
  });
});

describe("how long output of scripts is kept", () => {
  it("is 30 days and 4 GiB unless it is said", () => {
    assert.deepEqual(readOptions([], {}).logs, { days: 30, bytes: 4 * 1024 ** 3 });
    assert.deepEqual(readOptions(["--log-days", "7"], { LOOM_LOG_MIB: "512" }).logs, {
      days: 7,
      bytes: 512 * 1024 ** 2,
    });
  });

  it("is refused where it is nothing", () => {
    assert.throws(() => readOptions(["--log-days", "0"], {}), /--log-days must be a number from 1/);
    assert.throws(() => readOptions([], { LOOM_LOG_MIB: "x" }), /--log-mib must be a number from 1/);
  });
});
