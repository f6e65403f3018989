/** Services speak ts-proto, gateway and clients protobuf-es: what one writes the other reads, byte and JSON. */
import assert from "node:assert/strict";
import {
  create,
  equals,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescFile,
  type DescMessage,
  type JsonObject,
} from "@bufbuild/protobuf";
import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import * as status from "../../gen/services/google/rpc/status.js";
import * as errorDetails from "../../gen/services/google/rpc/error_details.js";
import * as enrolment from "../../gen/services/loom/internal/v1/enrolment.js";
import * as identity from "../../gen/services/loom/internal/v1/identity.js";
import * as worker from "../../gen/services/loom/internal/v1/worker.js";
import * as catalog from "../../gen/services/loom/v1/catalog.js";
import * as cluster from "../../gen/services/loom/v1/cluster.js";
import * as event from "../../gen/services/loom/v1/event.js";
import * as exec from "../../gen/services/loom/v1/exec.js";
import * as job from "../../gen/services/loom/v1/job.js";
import * as provisioner from "../../gen/services/loom/v1/provisioner.js";
import * as stray from "../../gen/services/loom/v1/stray.js";
import * as system from "../../gen/services/loom/v1/system.js";
import { file_google_rpc_status } from "../../gen/web/google/rpc/status_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "../../gen/web/google/rpc/error_details_pb.js";
import { file_loom_internal_v1_enrolment } from "../../gen/web/loom/internal/v1/enrolment_pb.js";
import { file_loom_internal_v1_identity } from "../../gen/web/loom/internal/v1/identity_pb.js";
import { file_loom_internal_v1_worker } from "../../gen/web/loom/internal/v1/worker_pb.js";
import { file_loom_v1_catalog } from "../../gen/web/loom/v1/catalog_pb.js";
import { CreateClusterRequestSchema, file_loom_v1_cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { file_loom_v1_event } from "../../gen/web/loom/v1/event_pb.js";
import { file_loom_v1_exec } from "../../gen/web/loom/v1/exec_pb.js";
import { file_loom_v1_job } from "../../gen/web/loom/v1/job_pb.js";
import { file_loom_v1_provisioner } from "../../gen/web/loom/v1/provisioner_pb.js";
import { file_loom_v1_stray } from "../../gen/web/loom/v1/stray_pb.js";
import { file_loom_v1_system } from "../../gen/web/loom/v1/system_pb.js";
import { DESCRIPTORS } from "../../services/server/rpc/reflection.js";
import { arbitraryMessage } from "./arbitrary-message.js";

/** What ts-proto generates for a message. */
interface Codec {
  decode(bytes: Uint8Array): unknown;
  encode(message: unknown): BinaryWriter;
  fromJSON(json: unknown): unknown;
  toJSON(message: unknown): unknown;
}

const FILES: readonly (readonly [DescFile, object])[] = [
  [file_loom_v1_catalog, catalog],
  [file_loom_v1_cluster, cluster],
  [file_loom_v1_event, event],
  [file_loom_v1_exec, exec],
  [file_loom_v1_job, job],
  [file_loom_v1_stray, stray],
  [file_loom_v1_system, system],
  [file_loom_v1_provisioner, provisioner],
  [file_loom_internal_v1_enrolment, enrolment],
  [file_loom_internal_v1_identity, identity],
  [file_loom_internal_v1_worker, worker],
];

function messagesOf(file: DescFile): DescMessage[] {
  const nested = (message: DescMessage): DescMessage[] => [message, ...message.nestedMessages.flatMap(nested)];
  return file.messages.flatMap(nested);
}

function codecOf(module: object, message: DescMessage): Codec {
  const name = message.typeName.slice(message.file.proto.package.length + 1).replaceAll(".", "_");
  const codec = (module as Readonly<Record<string, Codec>>)[name];
  assert.ok(codec, `ts-proto has no ${name}`);
  return codec;
}

function holds(message: DescMessage, codec: Codec, throughJson: boolean): void {
  fc.assert(
    fc.property(arbitraryMessage(message), (sent) => {
      const back = fromBinary(message, codec.encode(codec.decode(toBinary(message, sent))).finish());
      assert.ok(equals(message, sent, back), `${message.typeName} through bytes`);
      if (!throughJson) return;
      const json = codec.toJSON(codec.fromJSON(toJson(message, sent))) as Parameters<typeof fromJson>[1];
      assert.ok(
        equals(message, sent, fromJson(message, json)),
        `${message.typeName} through JSON: ${JSON.stringify(json)}`,
      );
    }),
    { numRuns: 60 },
  );
}

describe("both codecs", () => {
  it("every file with a service is among those that are tried", () => {
    assert.deepEqual(FILES.map(([{ name }]) => name).sort(), DESCRIPTORS.map(({ file }) => file.name).sort());
  });

  for (const [file, module] of FILES) {
    it(file.proto.name, () => {
      for (const message of messagesOf(file)) holds(message, codecOf(module, message), true);
    });
  }

  it("a key `__proto__` gets lost on its way to a service, and does no harm there", () => {
    const sent = create(CreateClusterRequestSchema, {
      config: JSON.parse('{"__proto__": {"polluted": true}, "kept": 1}') as JsonObject,
    });
    const { config } = cluster.CreateClusterRequest.decode(toBinary(CreateClusterRequestSchema, sent));
    assert.deepEqual(config, { kept: 1 });
    assert.equal(Object.getPrototypeOf(config), Object.prototype);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it("the messages of errors", () => {
    holds(file_google_rpc_status.messages[0]!, codecOf(status, file_google_rpc_status.messages[0]!), false);
    for (const message of [ErrorInfoSchema, BadRequestSchema, RequestInfoSchema])
      holds(message, codecOf(errorDetails, message), true);
  });
});
