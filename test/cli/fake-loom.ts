/** Loom's API on a port of the kernel, answered by functions of the test. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "../../gen/web/google/rpc/error_details_pb.js";
import { CatalogService } from "../../gen/web/loom/v1/catalog_pb.js";
import { ClusterService } from "../../gen/web/loom/v1/cluster_pb.js";
import { EventService } from "../../gen/web/loom/v1/event_pb.js";
import { JobService } from "../../gen/web/loom/v1/job_pb.js";
import { ProvisionerService } from "../../gen/web/loom/v1/provisioner_pb.js";
import { StrayService } from "../../gen/web/loom/v1/stray_pb.js";
import { SystemService } from "../../gen/web/loom/v1/system_pb.js";
import { REASONS, type FieldViolation, type Reason } from "../../services/common/errors.js";

export interface FakeServices {
  readonly clusters?: Partial<ServiceImpl<typeof ClusterService>>;
  readonly jobs?: Partial<ServiceImpl<typeof JobService>>;
  readonly catalog?: Partial<ServiceImpl<typeof CatalogService>>;
  readonly events?: Partial<ServiceImpl<typeof EventService>>;
  readonly provisioners?: Partial<ServiceImpl<typeof ProvisionerService>>;
  readonly strays?: Partial<ServiceImpl<typeof StrayService>>;
  readonly system?: Partial<ServiceImpl<typeof SystemService>>;
}

export interface FakeLoom {
  readonly url: string;
  /** Tokens received, one for each request. */
  readonly authorizations: string[];
  /** Cuts every connection, as a crash does. */
  cut(): void;
  close(): Promise<void>;
}

const CODES: Readonly<Record<string, Code>> = {
  INVALID_ARGUMENT: Code.InvalidArgument,
  NOT_FOUND: Code.NotFound,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  ABORTED: Code.Aborted,
  UNAUTHENTICATED: Code.Unauthenticated,
  UNAVAILABLE: Code.Unavailable,
};

/** An error as the gateway sends it. */
export function refusal(
  reason: Reason,
  message: string,
  violations: readonly FieldViolation[] = [],
  requestId = "req-1",
): ConnectError {
  return new ConnectError(message, CODES[REASONS[reason]] ?? Code.Internal, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "loom", metadata: {} } },
    { desc: RequestInfoSchema, value: { requestId } },
    ...(violations.length === 0
      ? []
      : [{ desc: BadRequestSchema, value: { fieldViolations: violations.map((one) => ({ ...one })) } }]),
  ]);
}

/** @param before sees every request first; returning true means that it answers the request itself */
export async function startFakeLoom(
  services: FakeServices,
  before?: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<FakeLoom> {
  const handler = connectNodeAdapter({
    routes: (router) => {
      router.service(ClusterService, services.clusters ?? {});
      router.service(JobService, services.jobs ?? {});
      router.service(CatalogService, services.catalog ?? {});
      router.service(EventService, services.events ?? {});
      router.service(ProvisionerService, services.provisioners ?? {});
      router.service(StrayService, services.strays ?? {});
      router.service(SystemService, services.system ?? {});
    },
  });
  const authorizations: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization ?? "");
    if (before?.(request, response) !== true) handler(request, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorizations,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
