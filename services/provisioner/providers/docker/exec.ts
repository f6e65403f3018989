/** Commands on a machine, through docker exec. */
import type { Duplex } from "node:stream";
import { LoomError } from "../../../common/errors.js";
import type { CommandOptions, CommandResult, NodeChannel } from "../../automators/channel.js";
import { openGuarded, type Spawned, type SpawnOptions } from "../../sessions/guard.js";
import { createDemux } from "./demux.js";
import { messageOf, statusOf, translate, unreachable } from "./engine.js";
import type { Engine } from "./engine.js";
import { pause } from "./networks.js";
import { readOutput, type OutputReader } from "./output.js";

/** How often a running command is looked at, so that a connection that broke without a word is noticed. */
const WATCH_MS = 5_000;

/** The same where its output is held back: the daemon keeps what was not read no longer than 2 s after the end. */
const HELD_WATCH_MS = 500;

/** How long the output of a command that has ended is silent before nobody waits for more of it. */
const DRAIN_MS = 2_000;

/** Exit code of a command that SIGKILL ended, as all are when a container is. */
const KILLED = 137;

/** How long a container that is being ended may still be told as running. */
const GOING_MS = 500;

/** The error of a machine that is not there. */
export function missing(container: string, nodeNumber: number): LoomError {
  return new LoomError(
    "MACHINE_MISSING",
    `The container ${container} of node ${nodeNumber} is gone: somebody removed it. A retry of the job makes it again; deleting the cluster works as well.`,
    { metadata: { machine: container, node: String(nodeNumber) } },
  );
}

interface Target {
  readonly container: string;
  readonly nodeNumber: number;
  readonly user: string;
  readonly home: string;
}

function stopped({ container, nodeNumber }: Target): LoomError {
  return new LoomError(
    "PROVIDER_ERROR",
    `The container ${container} of node ${nodeNumber} does not run. Start it with "docker start ${container}" and retry the job.`,
    { metadata: { machine: container, node: String(nodeNumber) } },
  );
}

/** What went wrong, told by the machine itself: gone, stopped, or something the daemon said. */
function failure(target: Target, thrown: unknown): LoomError {
  if (statusOf(thrown) === 404 && /no such container/i.test(messageOf(thrown)))
    return missing(target.container, target.nodeNumber);
  if (statusOf(thrown) === 409) return stopped(target);
  return translate("run a command on the machine", thrown);
}

/** Waits until the stream has ended, whichever way. */
function ended(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "close", "error"]) stream.once(event, () => resolve());
  });
}

export function createExecChannel(engine: Engine, target: Target): NodeChannel {
  async function exitCode(execId: string, signal: AbortSignal): Promise<number | undefined> {
    const state = await engine.call((abortSignal) => engine.docker.getExec(execId).inspect({ abortSignal }), signal);
    return state.Running || state.ExitCode === null ? undefined : state.ExitCode;
  }

  /** Throws where the machine does not run, or is not there. */
  async function checkRuns(signal: AbortSignal): Promise<void> {
    const container = engine.docker.getContainer(target.container);
    const { State } = await engine.call((abortSignal) => container.inspect({ abortSignal }), signal);
    if (!State.Running) throw stopped(target);
  }

  /** Looks for a moment whether a command was killed because its machine went away, which shows a little later. */
  async function stillRuns(signal: AbortSignal): Promise<void> {
    for (const deadline = Date.now() + GOING_MS; Date.now() < deadline; await pause(50, signal))
      await checkRuns(signal);
  }

  /** The exit code of a command whose stream has ended. */
  async function lastWord(execId: string, signal: AbortSignal): Promise<number> {
    const deadline = Date.now() + WATCH_MS;
    for (;;) {
      let code: number | undefined;
      try {
        code = await exitCode(execId, signal);
      } catch (thrown) {
        if (statusOf(thrown) !== 404) throw thrown;
        // The daemon forgets its execs with the container, and when it is started anew.
        await checkRuns(signal);
        throw unreachable(engine.host, new Error("it was started anew while a command ran"));
      }
      if (code === KILLED) await stillRuns(signal);
      if (code !== undefined) return code;
      if (Date.now() > deadline) throw unreachable(engine.host, new Error("the connection to a running command broke"));
      await pause(50, signal);
    }
  }

  /**
   * Lets go of the stream of a command that has ended, and where the daemon cannot be asked. What the command has left
   * behind may hold its output open, and nobody waits for that; but what was printed is read to its end.
   */
  async function letGo(execId: string, stream: Duplex, output: OutputReader, signal: AbortSignal): Promise<void> {
    try {
      let askedAt = performance.now();
      for (;;) {
        await pause(HELD_WATCH_MS, signal);
        if (signal.aborted) return;
        if (!output.isHeld() && performance.now() - askedAt < WATCH_MS) continue;
        askedAt = performance.now();
        if ((await exitCode(execId, signal)) !== undefined) break;
      }
      output.commandEnded();
      while (!signal.aborted && output.silentMs() < DRAIN_MS) await pause(DRAIN_MS / 5, signal);
    } catch {
      // Whoever waits for the exit code asks for it, and is told what is wrong.
    }
    stream.destroy();
  }

  async function start(argv: readonly string[], options: CommandOptions): Promise<{ id: string; stream: Duplex }> {
    const { signal } = options;
    const exec = await engine.call(
      (abortSignal) =>
        engine.docker.getContainer(target.container).exec({
          Cmd: [...argv],
          Env: Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`),
          User: target.user,
          AttachStdin: options.input !== undefined,
          AttachStdout: true,
          AttachStderr: true,
          abortSignal,
        }),
      signal,
    );
    const stdin = options.input !== undefined;
    const stream = await engine.call((abortSignal) => exec.start({ hijack: true, stdin, abortSignal }), signal);
    return { id: exec.id, stream };
  }

  async function run(argv: readonly string[], options: CommandOptions): Promise<CommandResult> {
    const { signal } = options;
    const { id, stream } = await start(argv, options);
    const stop = (): void => void stream.destroy();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const over = new AbortController();
    try {
      const end = ended(stream);
      const demux = createDemux(options.onOutput);
      const output = readOutput(stream, (chunk) => {
        demux(chunk);
        return undefined;
      });
      void letGo(id, stream, output, over.signal);
      // Half of the connection is closed, which the command sees as the end of its input; output goes on.
      if (options.input !== undefined) stream.end(options.input);
      await end;
      if (signal.aborted) throw new LoomError("CANCELLED", "The command was ended.", { cause: signal.reason });
      return { exitCode: await lastWord(id, signal) };
    } finally {
      over.abort();
      signal.removeEventListener("abort", stop);
      stream.destroy();
    }
  }

  /** A process that is talked to. Docker makes each one the leader of a session of its own. */
  async function spawn(argv: readonly string[], { env, terminal, onOutput }: SpawnOptions): Promise<Spawned> {
    const gone = new AbortController();
    const { signal } = gone;
    const exec = await engine.call((abortSignal) =>
      engine.docker.getContainer(target.container).exec({
        Cmd: [...argv],
        Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
        User: target.user,
        Tty: terminal,
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    );
    const stream: Duplex = await engine.call((abortSignal) =>
      exec.start({ hijack: true, stdin: true, Tty: terminal, abortSignal }),
    );
    const over = ended(stream);
    stream.on("error", () => undefined);
    let waits: Promise<void>[] = [];
    const take: typeof onOutput = (name, bytes) => {
      const wait = onOutput(name, bytes);
      if (wait !== undefined) waits.push(wait);
      return undefined;
    };
    const demux = createDemux((name, bytes) => void take(name, bytes));
    const output = readOutput(stream, (chunk) => {
      if (terminal) void take("stdout", chunk);
      else demux(chunk);
      if (waits.length === 0) return undefined;
      const all = Promise.all(waits);
      waits = [];
      return all;
    });
    const watched = new AbortController();
    void letGo(exec.id, stream, output, watched.signal);
    const result = over
      .then(async () => {
        const code = await lastWord(exec.id, signal);
        await output.taken();
        return code;
      })
      .catch((thrown: unknown) => {
        throw failure(target, thrown);
      })
      .finally(() => watched.abort());
    result.catch(() => undefined);
    return {
      write: (bytes) =>
        new Promise((resolve) => {
          if (stream.destroyed || stream.writableEnded) resolve();
          else stream.write(bytes, () => resolve());
        }),
      // Half of the connection is closed, which the command sees as the end of its input; output goes on.
      end: () => void stream.end(),
      ended: result,
      destroy() {
        gone.abort();
        output.drop();
        stream.destroy();
      },
    };
  }

  return {
    home: target.home,
    async open(argv, options) {
      try {
        return await openGuarded(spawn, argv, options);
      } catch (thrown) {
        throw failure(target, thrown);
      }
    },
    async run(argv, options) {
      try {
        return await run(argv, options);
      } catch (thrown) {
        throw failure(target, thrown);
      }
    },
  };
}
