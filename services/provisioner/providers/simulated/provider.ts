/**
 * The provider `simulated`: machines that exist only in a journal (journal.ts), with latencies and faults on demand. It
 * also carries out the actions of services, by its channel, so that no automator has to know of it.
 */
import { resolve } from "node:path";
import { LoomError } from "../../../common/errors.js";
import type { Fields, MachineReport, MachineRequest, ObservedMachine, Provider } from "../provider.js";
import { createSimulatedChannel } from "./channel.js";
import type { JournalLine } from "./journal.js";
import { milliseconds, step, type Subject } from "./steps.js";
import { openWorld, type SimulatedMachine, type World } from "./world.js";

/** @param defaults.journal file used where the provider document names none; absolute */
export function createSimulatedProvider(defaults: { readonly journal: string }): Provider {
  const worlds = new Map<string, World>();

  function worldOf(fields: Fields): World {
    const path = resolve(text(fields, "journal") ?? defaults.journal);
    let world = worlds.get(path);
    if (world === undefined) worlds.set(path, (world = openWorld(path, land)));
    world.refresh({ inline: fields["faults"], file: text(fields, "rules") });
    return world;
  }

  return {
    type: "simulated",
    description: "Machines that are only written down, for load and fault tests: latencies and faults on demand.",
    fields: [
      {
        name: "journal",
        type: "string",
        description: "File of every call and effect; in Loom's data folder where nothing is said.",
      },
      { name: "createMs", type: "integer", description: "How long a create takes; 0 where nothing is said." },
      { name: "confirmMs", type: "integer", description: "How long a confirm takes; 0 where nothing is said." },
      { name: "deleteMs", type: "integer", description: "How long a delete takes; 0 where nothing is said." },
      { name: "bootstrapMs", type: "integer", description: "How long a bootstrap takes; 0 where nothing is said." },
      {
        name: "actionMs",
        type: "integer",
        description: "How long an action of a service takes; 0 where nothing is said.",
      },
      {
        name: "faults",
        type: "object",
        description: "Fault rules, as `rules: [...]`; see services/provisioner/providers/simulated/rules.ts.",
      },
      {
        name: "rules",
        type: "string",
        description: "A JSON file of more fault rules, read again whenever it changes.",
      },
      {
        name: "password",
        type: "string",
        sensitive: true,
        description: "Nothing asks for it; it is here to try how secrets of providers are kept.",
      },
    ],
    unavailable: async () => undefined,
    async create(request, { signal }) {
      const world = worldOf(request.fields);
      const subject = about(request, "CREATE");
      await step(world, subject, milliseconds(request.fields, "createMs"), signal, () => create(world, subject));
      return report(world, request);
    },
    async confirm(request, { signal }) {
      const world = worldOf(request.fields);
      const subject = about(request, "CONFIRM");
      await step(world, subject, milliseconds(request.fields, "confirmMs"), signal, () => {
        if (world.machines.get(request.token)?.running === false) world.write("start", subject);
      });
      return report(world, request);
    },
    async delete(request, { signal }) {
      const world = worldOf(request.fields);
      const subject = about(request, "DELETE");
      await step(world, subject, milliseconds(request.fields, "deleteMs"), signal, () => {
        if (world.machines.has(request.token)) world.write("delete", subject);
      });
    },
    async observe(request) {
      const world = worldOf(request.fields);
      await step(world, about(request, "OBSERVE"), 0, NEVER, () => {});
      const machine = world.machines.get(request.token);
      return machine === undefined ? undefined : observed(machine);
    },
    async inventory(fields) {
      const world = worldOf(fields);
      await step(world, { action: "INVENTORY" }, 0, NEVER, () => {});
      return [...world.machines.values()].map(observed);
    },
    channel(request) {
      return createSimulatedChannel(
        () => worldOf(request.fields),
        about(request),
        () => milliseconds(request.fields, "actionMs"),
        () => milliseconds(request.fields, "bootstrapMs"),
      );
    },
  };
}

const NEVER = new AbortController().signal;

function create(world: World, subject: Subject): void {
  if (world.machines.has(subject.token!)) world.write("adopt", subject);
  else world.write("create", { ...subject, address: world.nextAddress() });
}

/** Carries out what was put off by a landLate rule. */
function land(world: World, line: JournalLine, landed: number): void {
  const { kind: _kind, at: _at, pid: _pid, due: _due, ...rest } = line;
  const subject: Subject = { ...rest, landed };
  const machine = world.machines.get(subject.token ?? "");
  if (subject.action === "CREATE") return create(world, subject);
  if (machine === undefined) return world.write("end", subject);
  if (subject.action === "DELETE") return world.write("delete", subject);
  if (subject.action === "CONFIRM") return world.write("start", subject);
  // An action of a service: a newer attempt that was let in meanwhile has ended it.
  const task = machine.tasks.get(subject.taskKey ?? "");
  const ended = task === undefined || task.attempt !== subject.attempt || task.killed >= task.attempt || task.succeeded;
  world.write(ended || !machine.running ? "end" : "run", subject);
}

function about(request: MachineRequest, action?: string): Subject {
  const subject = { token: request.token, cluster: request.clusterUid, node: request.nodeNumber };
  return action === undefined ? subject : { action, ...subject };
}

function report(world: World, request: MachineRequest): MachineReport {
  const machine = world.machines.get(request.token);
  if (machine === undefined) {
    throw new LoomError(
      "MACHINE_MISSING",
      `There is no machine of node ${request.nodeNumber}. Retry the job to make it again.`,
    );
  }
  return {
    machine: `simulated-${request.token.slice(0, 12)}`,
    addresses: { internal: machine.address, external: machine.address },
    results: {},
  };
}

function observed({ token, running, cluster, node }: SimulatedMachine): ObservedMachine {
  return { token, machine: `simulated-${token.slice(0, 12)}`, running, clusterUid: cluster, nodeNumber: node };
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
