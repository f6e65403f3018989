/** The server's side of the Work stream, as tests of provisioners want it. */
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import {
  WorkerServiceService,
  type Assignment,
  type Register,
  type Result,
  type WorkRequest,
  type WorkResponse,
} from "../../gen/services/loom/internal/v1/worker.js";
import { machineToken, taskKey } from "../../services/common/ids.js";

/** UUID of the made-up cluster. */
export const CLUSTER = "0190a000-0000-7000-8000-000000000001";

type Stream = ServerDuplexStream<WorkRequest, WorkResponse>;

/** Takes streams, notes what they say, and says what the test wants. */
export class FakeWorkServer {
  server = new Server();
  streams: Stream[] = [];
  registers: Register[] = [];
  results: Result[] = [];
  texts: string[] = [];
  /** What came, in order: `log` or `result`. */
  order: string[] = [];
  acknowledge = true;
  renew = true;
  renewOnly: (task: number) => boolean = () => true;
  leaseMs = 10_000;
  heartbeatMs = 50;
  private waiting: (() => void)[] = [];

  constructor(readonly address: string) {}

  async listen(): Promise<void> {
    this.server = new Server();
    this.server.addService(WorkerServiceService, { work: (stream: Stream) => this.open(stream) });
    await new Promise<void>((resolve, reject) => {
      this.server.bindAsync(this.address, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  private open(stream: Stream): void {
    stream.on("error", () => {});
    stream.on("end", () => stream.end());
    stream.on("data", ({ body }: WorkRequest) => {
      if (body?.$case === "register") {
        this.registers.push(body.value);
        this.streams.push(stream);
        stream.write({
          body: { $case: "registered", value: { leaseMs: this.leaseMs, heartbeatMs: this.heartbeatMs } },
        });
      } else if (body?.$case === "results") {
        this.results.push(...body.value.results);
        this.order.push("result");
        if (this.acknowledge) {
          stream.write({
            body: { $case: "acknowledged", value: { leases: body.value.results.map(({ lease }) => lease!) } },
          });
        }
      } else if (body?.$case === "heartbeat" && this.renew) {
        const leases = body.value.leases.filter(({ task }) => this.renewOnly(task));
        // As the real one: it says nothing where it renews nothing.
        if (leases.length > 0) stream.write({ body: { $case: "renewed", value: { leases } } });
      } else if (body?.$case === "log") {
        this.texts.push(body.value.text);
        this.order.push("log");
      }
      this.waiting.splice(0).forEach((wake) => wake());
    });
  }

  /** Waits until the condition holds; looks again whenever something came. */
  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error("not in time");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  assign(...assignments: Assignment[]): void {
    this.streams.at(-1)!.write({ body: { $case: "assignments", value: { assignments } } });
  }

  close(): void {
    this.server.forceShutdown();
  }
}

/** An assignment of node 1000 of the made-up cluster, on the simulated provider unless more is said. */
export function assignment(
  action: string,
  task: number,
  more: Partial<Assignment> & { attempt?: number; runner?: number } = {},
): Assignment {
  const { attempt = 1, runner = 1, ...rest } = more;
  return {
    lease: { shard: 8, epoch: 1n, cluster: 1n, job: 1, task, runner, attempt },
    action,
    service: "",
    clusterUid: CLUSTER,
    clusterName: "hello-1",
    tenant: "default",
    node: {
      number: 1000,
      incarnation: 1,
      token: machineToken(CLUSTER, 1000, 1),
      hostname: "hello-1000.local",
      services: ["web"],
      flavor: "small",
      hardwareFields: {},
      image: "simulated",
      user: "",
      addresses: { internal: "198.18.0.1" },
      providerResults: {},
    },
    providerType: "simulated",
    provider: "simulated",
    providerFields: {},
    automatorType: "",
    automatorFields: {},
    config: {},
    secrets: [],
    timeoutMs: 60_000,
    taskKey: taskKey({
      clusterUid: CLUSTER,
      job: 1,
      node: 1000,
      incarnation: 1,
      service: rest.service ?? "",
      action,
      replacements: 0,
    }),
    replacesTokens: [],
    ...rest,
  };
}
