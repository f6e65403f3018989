import { mkdtemp, readdir, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { strict as assert } from "node:assert";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeProvider } from "../../../../test/conformance/provider.js";
import { killByToken } from "./processes.js";
import { createLocalProvider } from "./provider.js";

describeProvider(
  "local",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "loom-local-"));
    return {
      provider: createLocalProvider({ folder }),
      fields: { addressRange: "127.78.0.0/16" },
      flavor: "small",
      image: "this-machine",
      async powerOff(request) {
        const [pid] = readFileSync(join(folder, request.token, "run", "init"), "latin1").split(" ");
        process.kill(-Number(pid), "SIGKILL");
        await killByToken(request.token, new AbortController().signal);
      },
      async vanish(request) {
        await killByToken(request.token, new AbortController().signal);
        await rm(join(folder, request.token), { recursive: true });
      },
      again: async () => createLocalProvider({ folder }),
      async dispose() {
        const left = (await readdir(folder)).filter((name) => name !== "addresses");
        assert.deepEqual(left, []);
        assert.deepEqual(await readdir(join(folder, "addresses")), []);
        await rm(folder, { recursive: true });
      },
    };
  },
  { commands: true },
);
