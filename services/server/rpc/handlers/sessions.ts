/** WorkerService.Sessions: a provisioner that waits for a command, and what goes in and out of it once there is one. */
import type { SessionsRequest, SessionsResponse } from "../../../../gen/services/loom/internal/v1/worker.js";
import { createConduit } from "../../../common/conduit.js";
import { isReason, LoomError } from "../../../common/errors.js";
import type { ExecOperations } from "../../application.js";
import type { SessionInput, SessionOutput, SessionPipe, SessionStart } from "../../sessions/types.js";
import { servedBy } from "../../workers/types.js";
import type { BidiHandler } from "../stub-types.js";

function garbage(what: string): LoomError {
  return new LoomError(
    "INVALID_FIELD",
    `The Sessions stream is closed: ${what}. Provisioner and server may be of different versions.`,
  );
}

function startToWire(start: SessionStart): SessionsResponse {
  const { clusterUid, clusterName, tenant, node, providerType, providerFields, command, env, terminal } = start;
  return {
    body: {
      $case: "start",
      value: {
        clusterUid,
        clusterName,
        tenant,
        node: { ...node, services: [...node.services], addresses: { ...node.addresses } },
        providerType,
        providerFields,
        command: [...command],
        env: { ...env },
        terminal,
      },
    },
  };
}

function inputToWire(input: SessionInput): SessionsResponse {
  switch (input.kind) {
    case "stdin":
      return { body: { $case: "stdin", value: Buffer.from(input.bytes) } };
    case "inputEnd":
      return { body: { $case: "inputEnd", value: {} } };
    case "resize":
      return { body: { $case: "resize", value: input.size } };
    case "signal":
      return { body: { $case: "signal", value: input.name } };
  }
}

function outputFrom({ body }: SessionsRequest): SessionOutput {
  switch (body?.$case) {
    case "started":
      return { kind: "started" };
    case "stdout":
    case "stderr":
      return { kind: body.$case, bytes: body.value };
    case "end":
      return { kind: "end", exitCode: body.value.exitCode };
    case "failure": {
      const { reason, message } = body.value;
      throw new LoomError(isReason(reason) ? reason : "PROVIDER_ERROR", message);
    }
    default:
      throw garbage("a message says nothing that has a meaning here");
  }
}

/** So many messages wait for the stream before the caller is asked to pause. */
const WAITING = 2;

export function sessionsHandler(exec: ExecOperations): BidiHandler<"WorkerService.Sessions"> {
  return async function* (requests, { peer, signal }) {
    const iterator = requests[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done === true || first.value.body?.$case !== "offer") throw garbage("its first message must be an offer");
    const offer = first.value.body.value;
    // Who shows a certificate is who it names, whatever it says.
    const { id: provisioner, label } = peer ?? { id: offer.provisioner, label: "" };
    const toNode = createConduit<SessionsResponse>(WAITING);
    const fromNode = createConduit<SessionOutput>(1);

    async function read(): Promise<void> {
      try {
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
          await fromNode.push(outputFrom(next.value));
        fromNode.end();
      } catch (thrown) {
        // Why a stream broke says nothing to the caller; that it did, is told by the end.
        const isOwn = thrown instanceof LoomError && thrown.code !== "CANCELLED";
        fromNode.end(isOwn ? thrown : undefined);
      }
      toNode.end();
    }

    function start(what: SessionStart): SessionPipe {
      void toNode.push(startToWire(what));
      void read();
      return {
        send: (input) => toNode.push(inputToWire(input)) ?? Promise.resolve(),
        output: fromNode,
        close() {
          toNode.abort();
          fromNode.abort();
        },
      };
    }

    const withdraw = exec.offer({
      provisioner,
      serves: new Set(offer.providerTypes.map((type) => servedBy(type, label))),
      start,
    });
    const gone = (): void => toNode.abort();
    signal.addEventListener("abort", gone, { once: true });
    if (signal.aborted) gone();
    try {
      yield* toNode;
    } finally {
      signal.removeEventListener("abort", gone);
      withdraw();
      fromNode.end();
    }
  };
}
