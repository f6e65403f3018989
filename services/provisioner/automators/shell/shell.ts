/** The automator `shell`: an action is a shell script, run on the node under loom-run (services/provisioner/node). */
import { LoomError } from "../../../common/errors.js";
import { installScript } from "../../node/files.js";
import type { CallContext } from "../../providers/provider.js";
import type { ActionContext, ActionOutcome, ActionRequest, Automator } from "../automator.js";
import type { NodeChannel } from "../channel.js";

/** Exit codes of loom-run with a meaning of their own. */
const FENCED = 75;
const TIMED_OUT = 124;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function createShellAutomator(): Automator {
  return {
    type: "shell",
    description: "Runs a shell script on the node.",
    fields: [
      {
        name: "script",
        type: "string",
        required: true,
        description:
          "The script; sh runs it unless its first line names another interpreter. Macros are not expanded in it.",
      },
      {
        name: "env",
        type: "object",
        description: "Environment variables of the script, a map of texts; macros are expanded. LOOM_* is set by Loom.",
      },
    ],
    bootstrap,
    act,
    kill,
  };
}

async function bootstrap(channel: NodeChannel, context: ActionContext): Promise<void> {
  const { exitCode } = await channel.run(["sh", "-s"], {
    input: installScript(channel.home),
    signal: context.signal,
    onOutput: (stream, bytes) => context.output(stream, bytes),
  });
  if (exitCode !== 0) {
    throw new LoomError(
      "SCRIPT_FAILED",
      `Loom's own files could not be put onto the node (exit code ${exitCode}). Look at the task's log and at the free space of the node, then retry.`,
    );
  }
}

async function act(channel: NodeChannel, request: ActionRequest, context: ActionContext): Promise<ActionOutcome> {
  const script = request.fields["script"];
  if (typeof script !== "string") {
    throw new LoomError(
      "INVALID_CONFIG",
      `The action ${request.action} of ${request.service} has no field "script". Add it to the service.`,
    );
  }
  const argv = [...command(channel), "-c", ...names(request), String(request.timeoutMs / 1000)];
  const { exitCode } = await channel.run(argv, {
    env: environment(request),
    // The first line is the configuration: JSON of one line.
    input: `${JSON.stringify(request.config)}\n${script}`,
    signal: context.signal,
    onOutput: (stream, bytes) => context.output(stream, bytes),
  });
  return { exitCode, fenced: exitCode === FENCED, timedOut: exitCode === TIMED_OUT };
}

async function kill(channel: NodeChannel, request: ActionRequest, context: CallContext): Promise<void> {
  await channel.run([...command(channel), "-k", ...names(request)], { signal: context.signal, onOutput: () => {} });
}

function command(channel: NodeChannel): string[] {
  return [`${channel.home}/bin/loom-run`];
}

function names(request: ActionRequest): string[] {
  return [String(request.epoch), String(request.job), String(request.runner), String(request.attempt), request.taskKey];
}

function environment(request: ActionRequest): Record<string, string> {
  const { node } = request;
  return {
    ...ownVariables(request),
    LOOM_NODE: String(node.number),
    LOOM_HOSTNAME: node.hostname,
    LOOM_CLUSTER: request.clusterName,
    LOOM_SERVICE: request.service,
    LOOM_ACTION: request.action,
    LOOM_SERVICES: node.services.join(" "),
    LOOM_ADDRESS: node.addresses["internal"] ?? "",
    // With this a STOP can tell that its service was configured by the same job, and took that over while it ran.
    LOOM_JOB: String(request.job),
  };
}

/** The field `env`; numbers and booleans are taken as their text. */
function ownVariables(request: ActionRequest): Record<string, string> {
  const env = request.fields["env"] ?? {};
  const variables: Record<string, string> = {};
  if (typeof env !== "object" || env === null || Array.isArray(env)) throw invalid(request, "is not a map of texts");
  for (const [name, value] of Object.entries(env)) {
    if (!NAME.test(name)) throw invalid(request, `has the name "${name}", which no environment variable can have`);
    if (!["string", "number", "boolean"].includes(typeof value)) throw invalid(request, `has no text as "${name}"`);
    variables[name] = String(value);
  }
  return variables;
}

function invalid(request: ActionRequest, what: string): LoomError {
  return new LoomError(
    "INVALID_CONFIG",
    `The field "env" of the action ${request.action} of ${request.service} ${what}. Mend the service.`,
  );
}
