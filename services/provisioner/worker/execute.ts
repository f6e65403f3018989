/** Carries out one assignment: machine actions by the provider, service actions by the automator over its channel. */
import { LoomError, type Reason } from "../../common/errors.js";
import type { ActionRequest, Automator } from "../automators/automator.js";
import type { CallContext, MachineReport, MachineRequest, Provider } from "../providers/provider.js";
import { runsOnNode, type Assignment, type TaskResult } from "./codec.js";
import { mask } from "./mask.js";
import type { Output } from "./output.js";

/** Failures that another try does not mend. */
const PERMANENT: ReadonlySet<Reason> = new Set<Reason>([
  "IMAGE_NOT_FOUND",
  "PLUGIN_TYPE_UNKNOWN",
  "INVALID_CONFIG",
  "UNIMPLEMENTED",
]);

export interface Executor {
  /** Never rejects. */
  execute(assignment: Assignment, signal: AbortSignal, output: Output): Promise<TaskResult>;
  /** Ends the attempt on the node, where it is one that runs there; best effort. */
  kill(assignment: Assignment, signal: AbortSignal): Promise<void>;
}

/** @param onUnknown gets what is thrown that is no LoomError; its text does not leave this process */
export function createExecutor(
  providers: readonly Provider[],
  automators: readonly Automator[],
  onUnknown: (error: unknown, assignment: Assignment) => void,
): Executor {
  const providerOf = new Map(providers.map((provider) => [provider.type, provider]));
  const automatorOf = new Map(automators.map((automator) => [automator.type, automator]));

  function provider(assignment: Assignment): Provider {
    const found = providerOf.get(assignment.providerType);
    if (found === undefined) throw unknownType("provider", assignment.providerType);
    return found;
  }

  function automator(assignment: Assignment): Automator {
    const type = assignment.automatorType === "" ? "shell" : assignment.automatorType;
    const found = automatorOf.get(type);
    if (found === undefined) throw unknownType("automator", type);
    return found;
  }

  async function perform(assignment: Assignment, signal: AbortSignal, output: Output): Promise<TaskResult> {
    const machine = machineRequest(assignment);
    const context = {
      signal,
      log: (line: string) => output.line(line),
      output: (stream: "stdout" | "stderr", bytes: Uint8Array) => output.write(stream, bytes),
    };
    const from = provider(assignment);
    for (const token of runsOnNode(assignment.action) ? [] : assignment.replacesTokens) {
      await from.delete({ ...machine, token, results: {} }, context);
      signal.throwIfAborted();
    }
    switch (assignment.action) {
      case "CREATE":
        return reported(assignment, await from.create(machine, context));
      case "CONFIRM":
        return reported(assignment, await from.confirm(machine, context));
      case "DELETE":
        await from.delete(machine, context);
        return succeeded(assignment);
      case "BOOTSTRAP": {
        const channel = from.channel(machine);
        for (const each of automators) {
          signal.throwIfAborted();
          await switchedOn(from, machine, context, () => each.bootstrap(channel, context));
        }
        return succeeded(assignment);
      }
      default: {
        const outcome = await switchedOn(from, machine, context, () =>
          automator(assignment).act(from.channel(machine), actionRequest(assignment), context),
        );
        if (outcome.exitCode === 0) return succeeded(assignment);
        output.end();
        return { ...failed(assignment, ...explain(assignment, outcome, output)), exitCode: outcome.exitCode };
      }
    }
  }

  return {
    async execute(assignment, signal, output) {
      try {
        return await perform(assignment, signal, output);
      } catch (error) {
        if (!(error instanceof LoomError)) {
          if (!signal.aborted) onUnknown(error, assignment);
          return failed(assignment, "PROVIDER_ERROR", unknownText(error, assignment));
        }
        return {
          ...failed(assignment, error.reason, mask(error.message, assignment.secrets)),
          permanent: PERMANENT.has(error.reason) || error.metadata["permanent"] === "true",
          unreachable: error.reason === "PROVIDER_UNREACHABLE",
        };
      }
    },
    async kill(assignment, signal) {
      if (!runsOnNode(assignment.action)) return;
      const channel = provider(assignment).channel(machineRequest(assignment));
      await automator(assignment).kill(channel, actionRequest(assignment), { signal, log: () => {} });
    },
  };
}

/**
 * Does something on a machine. One that was started again in the middle of a job, and is off since nothing there switches
 * nodes on, is switched on first: nothing was done yet where the provider says so.
 */
async function switchedOn<T>(
  provider: Provider,
  machine: MachineRequest,
  context: CallContext,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    if (!(thrown instanceof LoomError) || thrown.metadata["off"] !== "true") throw thrown;
    context.signal.throwIfAborted();
    await provider.confirm(machine, context);
    return act();
  }
}

/** A result that says no more than that it failed, and why. */
export function failed(assignment: Assignment, reason: Reason, message: string): TaskResult {
  return { ...succeeded(assignment), succeeded: false, reason, message };
}

function succeeded(assignment: Assignment): TaskResult {
  return {
    lease: assignment.lease,
    succeeded: true,
    reason: "",
    message: "",
    exitCode: 0,
    permanent: false,
    addresses: {},
    machine: "",
    results: {},
    unreachable: false,
  };
}

function reported(assignment: Assignment, report: MachineReport): TaskResult {
  return {
    ...succeeded(assignment),
    addresses: { ...report.addresses },
    machine: report.machine,
    results: report.results,
  };
}

function explain(
  assignment: Assignment,
  outcome: { exitCode: number; fenced: boolean; timedOut: boolean },
  output: Output,
): [Reason, string] {
  const { action, service, node } = assignment;
  const what = `${action} of ${service} on node ${node.number}`;
  if (outcome.fenced) return ["FENCED", `${what} was refused: a newer attempt was there already.`];
  if (outcome.timedOut)
    return ["TASK_TIMED_OUT", `${what} did not end within ${assignment.timeoutMs / 1000} s and was stopped.`];
  const last = output.lastLine("stderr") || output.lastLine("stdout");
  const said = last === "" ? "It printed nothing." : `Its last line: ${last}`;
  return [
    action === "CHECK" ? "CHECK_FAILED" : "SCRIPT_FAILED",
    `${what} ended with exit code ${outcome.exitCode}. ${said}`,
  ];
}

function unknownType(kind: string, type: string): LoomError {
  return new LoomError("PLUGIN_TYPE_UNKNOWN", `This provisioner has no ${kind} of type "${type}".`);
}

/** Texts of foreign errors may hold anything, credentials too; a code does not. */
function unknownText(error: unknown, assignment: Assignment): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  const named = typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? ` (${code})` : "";
  return `${assignment.action} on node ${assignment.node.number} met an error of provider type ${assignment.providerType} that Loom does not know${named}; the provisioner's log holds it.`;
}

function machineRequest({ node, clusterUid, clusterName, tenant, providerFields }: Assignment): MachineRequest {
  return {
    token: node.token,
    clusterUid,
    clusterName,
    tenant,
    nodeNumber: node.number,
    hostname: node.hostname,
    services: node.services,
    flavor: node.flavor,
    hardwareFields: node.hardwareFields,
    image: node.image,
    user: node.user,
    fields: providerFields,
    results: node.providerResults,
  };
}

function actionRequest(assignment: Assignment): ActionRequest {
  const { lease, node } = assignment;
  return {
    action: assignment.action.toLowerCase(),
    service: assignment.service,
    fields: assignment.automatorFields,
    config: assignment.config,
    taskKey: assignment.taskKey,
    epoch: lease.epoch,
    job: lease.job,
    runner: lease.runner,
    attempt: lease.attempt,
    timeoutMs: assignment.timeoutMs,
    node,
    clusterName: assignment.clusterName,
  };
}
