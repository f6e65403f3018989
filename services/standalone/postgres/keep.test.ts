import assert from "node:assert/strict";
import { LoomError } from "../../common/errors.js";
import { deferred } from "../../../test/support/wait.js";
import { keepPostgres, type KeepOptions } from "./keep.js";
import type { RunningPostgres } from "./start.js";

/** A database that ends when it is told to. */
function database(host = "/here"): RunningPostgres & { readonly end: () => void; readonly stopped: () => boolean } {
  const { promise, resolve } = deferred();
  let stopped = false;
  return {
    connection: { host, port: 1, user: "", password: "", database: "" },
    pid: 1,
    adopted: false,
    ended: promise,
    end: resolve,
    stopped: () => stopped,
    stop: () => {
      stopped = true;
      resolve();
      return promise;
    },
  };
}

describe("a database that is kept", () => {
  const told: string[] = [];
  beforeEach(() => void told.splice(0));
  const keep = (first: RunningPostgres, start: KeepOptions["start"], more: Partial<KeepOptions> = {}) =>
    keepPostgres(first, { start, tell: (what) => void told.push(what), pauseMs: 1, ...more });

  it("is started again when it ends by itself, and stopped for good when it is told to", async () => {
    const [first, second] = [database(), database()];
    const started = deferred();
    let starts = 0;
    const kept = keep(first, () => {
      starts += 1;
      started.resolve();
      return Promise.resolve(second);
    });
    first.end();
    await started.promise;
    await kept.stop();
    assert.ok(second.stopped());
    assert.equal(starts, 1);
  });

  it("is given up where it ends again and again", async () => {
    const start = (): Promise<RunningPostgres> => {
      const next = database();
      next.end();
      return Promise.resolve(next);
    };
    const first = database();
    first.end();
    assert.match(await keep(first, start, { most: 3 }).failed, /does not come back: it was started 3 times/);
    assert.equal(told.filter((what) => what === "the database is back").length, 3);
  });

  it("is waited for while the disk is full, which is said once", async () => {
    const second = database();
    let tries = 0;
    const start = (): Promise<RunningPostgres> => {
      tries += 1;
      return tries > 20 ? Promise.resolve(second) : Promise.reject(new LoomError("DISK_FULL", "The disk is full."));
    };
    const first = database();
    const kept = keep(first, start, { most: 3 });
    first.end();
    while (!told.includes("the database is back")) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(told.slice(1), ["the database cannot be started: The disk is full.", "the database is back"]);
    await kept.stop();
  });

  it("is given up where it cannot be started, with the reason", async () => {
    const first = database();
    first.end();
    const start = () => Promise.reject(new LoomError("FOLDER_UNUSABLE", "The folder is gone."));
    const { failed } = keep(first, start, { most: 2 });
    await failed;
    assert.ok(told.includes("the database cannot be started: The folder is gone."));
  });
});
