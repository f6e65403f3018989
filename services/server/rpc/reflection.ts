/** Reflection on the server: the whole contract, internal services too. */
import { fromBinary, toBinary, type Message } from "@bufbuild/protobuf";
import type { handleBidiStreamingCall, MethodDefinition, Server } from "@grpc/grpc-js";
import { IdentityService } from "../../../gen/web/loom/internal/v1/identity_pb.js";
import { EnrolmentService } from "../../../gen/web/loom/internal/v1/enrolment_pb.js";
import { WorkerService } from "../../../gen/web/loom/internal/v1/worker_pb.js";
import { CatalogService } from "../../../gen/web/loom/v1/catalog_pb.js";
import { ClusterService } from "../../../gen/web/loom/v1/cluster_pb.js";
import { EventService } from "../../../gen/web/loom/v1/event_pb.js";
import { ExecService } from "../../../gen/web/loom/v1/exec_pb.js";
import { JobService } from "../../../gen/web/loom/v1/job_pb.js";
import { ProvisionerService } from "../../../gen/web/loom/v1/provisioner_pb.js";
import { StrayService } from "../../../gen/web/loom/v1/stray_pb.js";
import { SystemService } from "../../../gen/web/loom/v1/system_pb.js";
import { createReflection } from "../../common/reflection.js";

/** Every service, as descriptors: the generated stubs carry none. */
export const DESCRIPTORS = [
  CatalogService,
  ClusterService,
  EventService,
  ExecService,
  JobService,
  StrayService,
  SystemService,
  ProvisionerService,
  IdentityService,
  EnrolmentService,
  WorkerService,
] as const;

export function addReflection(server: Server): void {
  const files = DESCRIPTORS.map(({ file }) => file);
  const names = DESCRIPTORS.map(({ typeName }) => typeName);
  for (const { service, method, answer } of createReflection(files, names)) {
    const definition: MethodDefinition<Message, Message> = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: true,
      responseStream: true,
      requestDeserialize: (bytes) => fromBinary(method.input, bytes),
      requestSerialize: (message) => Buffer.from(toBinary(method.input, message)),
      responseDeserialize: (bytes) => fromBinary(method.output, bytes),
      responseSerialize: (message) => Buffer.from(toBinary(method.output, message)),
    };
    const handler: handleBidiStreamingCall<Message, Message> = (call) => {
      call.on("data", (request: Message) => call.write(answer(request)));
      call.on("end", () => call.end());
    };
    server.addService({ [method.localName]: definition }, { [method.localName]: handler });
  }
}
