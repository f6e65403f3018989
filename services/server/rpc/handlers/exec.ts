/** ExecService. */
import type { ExecRequest, ExecResponse, ExecStart } from "../../../../gen/services/loom/v1/exec.js";
import { LoomError } from "../../../common/errors.js";
import type { ExecOperations } from "../../application.js";
import type { SessionInput, SessionOutput, SessionRequest } from "../../sessions/types.js";
import { anything, between, checkFields, list, text, type Rules } from "../checks.js";
import { withHeartbeats } from "../heartbeats.js";
import { parseNode } from "../names.js";
import type { BidiHandler } from "../stub-types.js";

const MAX_ARGUMENTS_BYTES = 128 * 1024;
const SIGNALS: ReadonlySet<string> = new Set(["INT", "TERM", "HUP", "QUIT", "KILL", "USR1", "USR2"]);
const side = between(1, 10_000);

const START_RULES: Rules<ExecStart> = {
  node: anything,
  command: {
    check(command) {
      const wrong = list(10_000, text(MAX_ARGUMENTS_BYTES)).check(command);
      if (wrong !== undefined) return wrong;
      if (command[0] === "") return "must name a program first";
      if (command.some((one) => one.includes("\0"))) return "must not hold the character 0";
      const bytes = command.reduce((sum, one) => sum + Buffer.byteLength(one) + 1, 0);
      return bytes > MAX_ARGUMENTS_BYTES
        ? `must have at most ${MAX_ARGUMENTS_BYTES} bytes, and has ${bytes}`
        : undefined;
    },
  },
  env: {
    check(env) {
      const wrong = Object.entries(env).find(
        ([key, value]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || value.includes("\0"),
      );
      return wrong === undefined ? undefined : `has a variable "${wrong[0].slice(0, 100)}", which cannot be set`;
    },
  },
  terminal: {
    check(terminal) {
      if (terminal === undefined) return undefined;
      if (terminal.size === undefined) return "must have a size";
      const wrong = side.check(terminal.size.columns) ?? side.check(terminal.size.rows);
      if (wrong !== undefined) return `has a size that ${wrong}`;
      return /^[A-Za-z0-9._+-]{0,64}$/.test(terminal.type) ? undefined : "has a type with letters that no type has";
    },
  },
};

function garbage(what: string): LoomError {
  return new LoomError("INVALID_FIELD", `The call is closed: ${what}.`);
}

/**
 * The first message of a call.
 *
 * @param withinMs how long it is waited for
 * @throws TIMED_OUT
 */
async function firstOf(
  requests: AsyncIterator<ExecRequest>,
  withinMs: number,
): Promise<IteratorResult<ExecRequest, unknown>> {
  const next = requests.next();
  // Whoever is late may fail as well, and then nobody listens.
  next.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = withinMs / 1000;
    timer = setTimeout(
      () =>
        reject(
          new LoomError(
            "TIMED_OUT",
            `The call is closed: no start came within ${seconds} seconds. Send it first, right after you open the call.`,
          ),
        ),
      withinMs,
    );
  });
  try {
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}

function requestFrom(start: ExecStart): SessionRequest {
  checkFields(start, START_RULES);
  const { cluster, number } = parseNode(start.node, "node");
  const { command, env, terminal } = start;
  return {
    cluster,
    node: number,
    command,
    env,
    terminal: terminal === undefined ? undefined : { size: terminal.size!, type: terminal.type },
  };
}

function inputFrom({ body }: ExecRequest): SessionInput {
  switch (body?.$case) {
    case "stdin":
      return { kind: "stdin", bytes: body.value };
    case "inputEnd":
      return { kind: "inputEnd" };
    case "resize": {
      const wrong = side.check(body.value.columns) ?? side.check(body.value.rows);
      if (wrong !== undefined) throw garbage(`a size ${wrong}`);
      return { kind: "resize", size: body.value };
    }
    case "signal":
      if (!SIGNALS.has(body.value.name)) throw garbage("it names no signal that can be sent");
      return { kind: "signal", name: body.value.name };
    case "start":
      throw garbage("it started twice");
    case undefined:
      throw garbage("a message says nothing");
  }
}

function responseOf(output: SessionOutput): ExecResponse {
  switch (output.kind) {
    case "started":
      return { body: { $case: "started", value: {} } };
    case "end":
      return { body: { $case: "end", value: { exitCode: output.exitCode } } };
    default:
      return { body: { $case: output.kind, value: Buffer.from(output.bytes) } };
  }
}

/** @param firstMs how long a call may be open before it says what to run, in milliseconds */
export function execHandler(exec: ExecOperations, firstMs = 30_000): BidiHandler<"ExecService.Exec"> {
  return (requests, { caller, signal }) => {
    async function* run(): AsyncGenerator<ExecResponse> {
      const iterator = requests[Symbol.asyncIterator]();
      const first = await firstOf(iterator, firstMs);
      if (first.done === true || first.value.body?.$case !== "start")
        throw garbage("its first message must be a start");
      const request = requestFrom(first.value.body.value);
      // What is wrong with what comes later ends the call as well.
      let wrong: unknown;
      const stop = new AbortController();
      async function* input(): AsyncGenerator<SessionInput> {
        try {
          for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
            yield inputFrom(next.value);
        } catch (thrown) {
          wrong = thrown;
          stop.abort();
          throw thrown;
        }
      }
      try {
        for await (const output of exec.exec(caller, request, input(), AbortSignal.any([signal, stop.signal])))
          yield responseOf(output);
      } catch (thrown) {
        throw wrong ?? thrown;
      }
    }
    return withHeartbeats(run(), signal, () => ({ body: undefined }));
  };
}
