import { strict as assert } from "node:assert";
import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeProvider } from "../../../../test/conformance/provider.js";
import type { MachineRequest } from "../provider.js";
import { judge, readJournal } from "./journal.js";
import { createSimulatedProvider } from "./provider.js";

describeProvider(
  "simulated",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "loom-simulated-"));
    const journal = join(folder, "journal");
    const note = (kind: string, { token }: MachineRequest) =>
      appendFileSync(journal, `${JSON.stringify({ kind, at: 0, pid: 0, token })}\n`);
    return {
      provider: createSimulatedProvider({ journal }),
      fields: {},
      flavor: "small",
      image: "simulated",
      powerOff: async (request) => note("stop", request),
      vanish: async (request) => note("delete", request),
      again: async () => createSimulatedProvider({ journal }),
      async dispose() {
        const judgement = judge(readJournal(journal));
        assert.equal(judgement.live.size, 0);
        assert.deepEqual(judgement.doubleCreations, []);
        await rm(folder, { recursive: true });
      },
    };
  },
  { commands: false },
);
