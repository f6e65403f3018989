/**
 * Commands on a simulated machine. None is really run: loom-run is understood with its rules (services/provisioner/node/
 * loom-run), any other command counts as a bootstrap and succeeds.
 */
import { LoomError } from "../../../common/errors.js";
import type { CommandOptions, CommandResult, NodeChannel, OpenCommand, OpenOptions } from "../../automators/channel.js";
import { isOlder } from "./journal.js";
import { hang, pause, step, type Subject } from "./steps.js";
import type { SimulatedMachine, World } from "./world.js";

const FENCED = 75;
const KILLED = 137;
const UNREACHABLE = "unreachable";

/** The action that runs on a machine in this process; a newer one ends it. */
interface Current {
  readonly taskKey: string;
  readonly attempt: number;
  readonly abort: AbortController;
}

const current = new WeakMap<SimulatedMachine, Current>();

/** @param about what every journal line of this machine says */
export function createSimulatedChannel(
  refreshed: () => World,
  about: Subject,
  actionMs: () => number,
  bootstrapMs: () => number,
): NodeChannel {
  return {
    home: "/var/lib/loom",
    async run(argv, options) {
      options.signal.throwIfAborted();
      const world = refreshed();
      const machine = world.machines.get(about.token!);
      if (machine?.running !== true) {
        throw new LoomError(
          "MACHINE_MISSING",
          `Node ${about.node} is not there or is off. Retry the job; it looks again.`,
        );
      }
      if (argv[0]?.endsWith("/loom-run") === true)
        return await loomRun(world, machine, about, argv.slice(1), options, actionMs());
      const subject = { ...about, action: "BOOTSTRAP" };
      await step(world, subject, bootstrapMs(), options.signal, () => world.write("run", subject));
      return { exitCode: 0 };
    },
    async open(argv, options) {
      options.signal.throwIfAborted();
      if (refreshed().machines.get(about.token!)?.running !== true)
        throw new LoomError("MACHINE_MISSING", `Node ${about.node} is not there or is off.`);
      return openSimulated(argv, options);
    },
  };
}

/** Says that nothing is run. `cat` gives its input back, `true` and `false` end as they do. */
function openSimulated(argv: readonly string[], { signal, onOutput }: OpenOptions): OpenCommand {
  const program = argv[0] ?? "sh";
  let finish: (exitCode: number) => void = () => {};
  const ended = new Promise<CommandResult>((resolve) => (finish = (exitCode) => resolve({ exitCode })));
  signal.addEventListener("abort", () => finish(KILLED), { once: true });
  if (program === "true" || program === "false") finish(program === "true" ? 0 : 1);
  else if (program !== "cat") {
    void onOutput("stdout", Buffer.from(`This machine is simulated; it runs no commands, and not ${program}.\n`));
    finish(0);
  }
  return {
    write: async (bytes) => {
      if (program === "cat") await onOutput("stdout", bytes);
    },
    end: () => finish(0),
    resize: () => undefined,
    kill: () => finish(KILLED),
    ended,
  };
}

async function loomRun(
  world: World,
  machine: SimulatedMachine,
  about: Subject,
  args: readonly string[],
  options: CommandOptions,
  actionMs: number,
): Promise<CommandResult> {
  const [epoch, job, runner, attempt, taskKey] = args.filter((arg) => !arg.startsWith("-"));
  const subject: Subject = {
    ...about,
    action: (options.env?.["LOOM_ACTION"] ?? "").toUpperCase(),
    service: options.env?.["LOOM_SERVICE"] ?? "",
    taskKey: taskKey!,
    epoch: epoch!,
    job: Number(job),
    runner: Number(runner),
    attempt: Number(attempt),
  };
  const say = (text: string) => options.onOutput("stderr", Buffer.from(`${text}\n`));
  const answer = async (exitCode: number): Promise<CommandResult> => {
    await world.written();
    return { exitCode };
  };

  const task = machine.tasks.get(subject.taskKey!);
  const stale =
    (machine.fence !== undefined && isOlder(subject, machine.fence)) || subject.attempt! < (task?.attempt ?? 0);
  const running = current.get(machine);
  if (args[0] === "-k") {
    if (stale) return await answer(FENCED);
    world.write("kill", subject);
    if (running !== undefined && running.taskKey === subject.taskKey) running.abort.abort();
    return await answer(0);
  }

  world.write("call", subject);
  if (stale || subject.attempt! <= (task?.killed ?? 0)) {
    world.write("refuse", subject);
    say("loom-run: refused: a newer one was here already");
    return await answer(FENCED);
  }
  if (task?.succeeded === true) {
    world.write("replay", subject);
    return await answer(0);
  }
  running?.abort.abort();
  const rule = world.fault(subject);
  if (rule?.fault === UNREACHABLE) {
    await world.written();
    throw new LoomError("PROVIDER_UNREACHABLE", "The simulated provider cannot be reached, as its fault rules say.");
  }
  if (rule !== undefined || actionMs > 0) world.write("begin", subject);
  if (rule?.fault === "fail") {
    say("failed, as the fault rules of the simulated provider say");
    return await answer(1);
  }
  if (rule?.fault === "hang") return await hang(options.signal);
  if (rule?.fault === "landLate") {
    world.later(rule.lateMs ?? 1_000, subject);
    await world.written();
    return await hang(options.signal);
  }
  if (actionMs > 0) {
    const ended = await goOn(world, machine, subject, actionMs, options.signal);
    if (ended !== undefined) return await answer(ended);
  } else {
    world.write("run", subject);
  }
  await world.written();
  if (rule?.fault === "loseAnswer") return await hang(options.signal);
  return { exitCode: 0 };
}

/**
 * The action itself, which goes on when its client is killed. The exit code where it did not succeed before the client
 * was, undefined where it did.
 */
async function goOn(
  world: World,
  machine: SimulatedMachine,
  subject: Subject,
  actionMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const mine: Current = { taskKey: subject.taskKey!, attempt: subject.attempt!, abort: new AbortController() };
  current.set(machine, mine);
  const script = pause(actionMs, mine.abort.signal).then(
    () => {
      if (current.get(machine) === mine) current.delete(machine);
      // Switched off or deleted meanwhile: the script went with the machine.
      if (world.machines.get(machine.token) !== machine || !machine.running) return KILLED;
      world.write("run", subject);
      return undefined;
    },
    () => {
      world.write("end", subject);
      return FENCED;
    },
  );
  let gone: () => void = () => {};
  const client = new Promise<number>((resolve) => {
    gone = () => resolve(KILLED);
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  });
  try {
    return await Promise.race([script, client]);
  } finally {
    signal.removeEventListener("abort", gone);
  }
}
