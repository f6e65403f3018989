/** The Work stream: a provisioner's messages to the hub, the hub's words back, in order and in batches. */
import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js";
import type {
  Heartbeat,
  Lease as WireLease,
  Register,
  WorkRequest,
  WorkResponse,
} from "../../../gen/services/loom/internal/v1/worker.js";
import { LoomError } from "../../common/errors.js";
import type { Lease, WorkerHub } from "../workers/types.js";
import { startCallLog } from "./call-log.js";
import { endedEarly, stopReason, type Dispatch } from "./dispatch.js";
import { authorize } from "./identity.js";
import { unwrap, type Incoming } from "./incoming.js";
import { toGrpcError } from "./status.js";
import type { Peer } from "./stub-types.js";
import { logChunkFromWire, offersFromWire, resultFromWire } from "./wire/worker.js";
import { createWorkOutbox } from "./work-outbox.js";

/** A stream that does not say who it is for so long is closed, in milliseconds. */
const REGISTER_WITHIN_MS = 10_000;

const MAX_SLOTS = 1_000;

type HubSide = ReturnType<WorkerHub["open"]>;

/** The stream ends with the first message that makes no sense: its sender cannot be trusted with tasks. */
function garbage(what: string): LoomError {
  return new LoomError(
    "INVALID_FIELD",
    `The Work stream is closed: ${what}. Provisioner and server may be of different versions.`,
  );
}

export function workCall(
  hub: WorkerHub,
  dispatch: Dispatch,
): handleBidiStreamingCall<Incoming<WorkRequest>, WorkResponse> {
  return (call) => {
    const log = startCallLog("WorkerService.Work", call.metadata, dispatch.log);
    const outbox = createWorkOutbox(call, (error) => close(error));
    let side: HubSide | undefined;
    let peer: Peer | undefined;
    let open = true;
    let silence: NodeJS.Timeout | undefined;

    /** Ends the stream once; undefined where the provisioner said goodbye. */
    function close(error: LoomError | undefined): void {
      if (!open) return;
      open = false;
      clearTimeout(silence);
      dispatch.stopping.removeEventListener("abort", shutDown);
      peer?.gone.removeEventListener("abort", dismissed);
      outbox.stop();
      side?.close();
      log.ended(error);
      if (error === undefined) call.end();
      else if (!call.cancelled) call.emit("error", toGrpcError(error, log.requestId));
    }
    const dismissed = (): void => close(LoomError.from(peer?.gone.reason));
    const shutDown = (): void => close(stopReason(dispatch.stopping));
    const expectWithin = (ms: number, error: () => LoomError): void => {
      clearTimeout(silence);
      silence = setTimeout(() => close(error()), ms);
    };

    const register = (message: Register): void => {
      checkRegister(message);
      outbox.send({ $case: "registered", value: { leaseMs: hub.leaseMs, heartbeatMs: hub.heartbeatMs } });
      const { worker, slots } = message;
      // Who shows a certificate is who it names, whatever it says.
      const { id: provisioner, label } = peer ?? { id: message.provisioner, label: "" };
      side = hub.open({ provisioner, label, worker, slots, offers: offersFromWire(message), ...outbox.session });
    };
    const receive = (message: WorkRequest): void => {
      if (message.body?.$case === "register") {
        if (side !== undefined) throw garbage("it registered twice");
        register(message.body.value);
      } else {
        if (side === undefined) throw garbage("its first message must be Register");
        forward(message, side);
      }
      expectWithin(
        hub.leaseMs,
        () => new LoomError("WORKER_LOST", `The worker was silent for ${hub.leaseMs} ms, so its leases are over.`),
      );
    };

    call.on("data", (incoming: Incoming<WorkRequest>) => {
      if (!open) return;
      try {
        receive(unwrap(incoming));
      } catch (thrown) {
        close(LoomError.from(thrown));
      }
    });
    call.on("end", () => close(undefined));
    call.on("cancelled", () => close(endedEarly(call)));
    if (dispatch.stopping.aborted) return shutDown();
    dispatch.stopping.addEventListener("abort", shutDown);
    expectWithin(REGISTER_WITHIN_MS, () => garbage(`it did not register within ${REGISTER_WITHIN_MS} ms`));
    try {
      authorize("WorkerService.Work", call.metadata);
      peer = dispatch.peer?.(call);
      peer?.gone.addEventListener("abort", dismissed);
    } catch (thrown) {
      close(LoomError.from(thrown));
    }
  };
}

function checkRegister({ provisioner, worker, slots }: Register): void {
  if (provisioner === "" || worker === "") throw garbage("Register must name the provisioner and the worker");
  if (slots < 1 || slots > MAX_SLOTS)
    throw garbage(`Register must offer from 1 to ${MAX_SLOTS} slots, and offers ${slots}`);
}

function forward({ body }: WorkRequest, side: HubSide): void {
  switch (body?.$case) {
    case "results":
      return side.results(
        body.value.results.map((result) => resultFromWire(result) ?? refuse("a result names no lease")),
      );
    case "heartbeat":
      return side.heartbeat(leasesOf(body.value));
    case "log":
      return side.log(logChunkFromWire(body.value) ?? refuse("a piece of log names no lease"));
    case "inventory":
      return side.inventory(body.value);
    case "draining":
      return side.drain();
    default:
      return refuse("it sent a message that this server does not know");
  }
}

function leasesOf(heartbeat: Heartbeat): Lease[] {
  return heartbeat.leases satisfies WireLease[];
}

function refuse(what: string): never {
  throw garbage(what);
}

export type WorkCall = ServerDuplexStream<Incoming<WorkRequest>, WorkResponse>;
