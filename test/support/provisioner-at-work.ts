/** A provisioner at work against a made-up server, set up anew for each test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Automator } from "../../services/provisioner/automators/automator.js";
import { createShellAutomator } from "../../services/provisioner/automators/shell/shell.js";
import type { Provider } from "../../services/provisioner/providers/provider.js";
import { createSimulatedProvider } from "../../services/provisioner/providers/simulated/provider.js";
import { createProvisioner, type Provisioner } from "../../services/provisioner/worker/provisioner.js";
import { FakeWorkServer } from "./fake-work-server.js";

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

export interface ProvisionerAtWork {
  server: FakeWorkServer;
  provisioner: Provisioner;
  /** Of the simulated provider. */
  journal: string;
  /** Starts it and waits until its streams are registered; simulated provider and shell unless more is said. */
  start(more?: { providers?: Provider[]; automators?: Automator[]; streams?: number }): Promise<void>;
}

/** Hooks of the suite around it; what is returned is filled before each test. */
export function useProvisioner(): ProvisionerAtWork {
  let folder: string;
  const at = {
    async start(more: { providers?: Provider[]; automators?: Automator[]; streams?: number } = {}) {
      at.provisioner = createProvisioner({
        name: "test",
        address: at.server.address,
        slots: 10,
        streams: more.streams ?? 1,
        offersMs: 50,
        log: QUIET,
        providers: more.providers ?? [createSimulatedProvider({ journal: at.journal })],
        automators: more.automators ?? [createShellAutomator()],
      });
      at.provisioner.start();
      await at.server.until(() => at.server.registers.length >= (more.streams ?? 1));
    },
  } as ProvisionerAtWork;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "loom-worker-"));
    at.journal = join(folder, "journal");
    at.server = new FakeWorkServer(`unix:${join(folder, "socket")}`);
    await at.server.listen();
  });
  afterEach(async () => {
    await at.provisioner.stop();
    await at.provisioner.done;
    at.server.close();
    await rm(folder, { recursive: true });
  });
  return at;
}

/** An automator whose action ends when the test says so. */
export function manualAutomator() {
  const runs: {
    signal: AbortSignal;
    end: (exitCode: number) => void;
    print: (text: string | Uint8Array, stream?: "stdout" | "stderr") => void;
  }[] = [];
  const killed: string[] = [];
  const automator: Automator = {
    type: "shell",
    description: "",
    fields: [],
    bootstrap: async () => {},
    act: (_channel, _request, context) =>
      new Promise((resolve, reject) => {
        context.signal.addEventListener("abort", () => reject(new Error("aborted")));
        runs.push({
          signal: context.signal,
          end: (exitCode) => resolve({ exitCode, fenced: exitCode === 75, timedOut: exitCode === 124 }),
          print: (text, stream = "stdout") =>
            context.output(stream, typeof text === "string" ? Buffer.from(text) : text),
        });
      }),
    kill: async (_channel, request) => void killed.push(request.taskKey),
  };
  return { runs, killed, automator };
}
