/** The tables over RPCs are complete, and agree with the contract. */
import assert from "node:assert/strict";
import type { DescMethod } from "@bufbuild/protobuf";
import { PUBLIC_SERVICES } from "../../gateway/services.js";
import { AUTHORIZATION } from "../../services/server/rpc/authorization.js";
import { DESCRIPTORS } from "../../services/server/rpc/reflection.js";
import { REQUEST_RULES } from "../../services/server/rpc/request-rules.js";
import { ROUTING } from "../../services/server/rpc/routing.js";
import { rpcName, STUBS, type RpcPath } from "../../services/server/rpc/rpc-names.js";

const methods: readonly DescMethod[] = DESCRIPTORS.flatMap((service): readonly DescMethod[] => service.methods);
const nameOf = (method: DescMethod): string => `${method.parent.name}.${method.name}`;
const names = methods.map(nameOf).sort();

describe("tables over RPCs", () => {
  it("the stubs are those of the descriptors", () => {
    const stubs = Object.values(STUBS).flatMap((service) => Object.values(service).map(({ path }) => path as RpcPath));
    assert.deepEqual(stubs.map(rpcName).sort(), names);
    assert.deepEqual([...stubs].sort(), methods.map((method) => `/${method.parent.typeName}/${method.name}`).sort());
  });

  it("authorization names every RPC", () => assert.deepEqual(Object.keys(AUTHORIZATION).sort(), names));

  it("routing names every RPC", () => assert.deepEqual(Object.keys(ROUTING).sort(), names));

  /** Streams of requests are checked as they come. */
  const streams = new Set(methods.filter(({ methodKind }) => methodKind === "bidi_streaming").map(nameOf));

  it("request rules name every field of every request but those that come in streams", () => {
    assert.deepEqual([...streams].sort(), ["ExecService.Exec", "WorkerService.Sessions", "WorkerService.Work"]);
    assert.deepEqual(
      Object.keys(REQUEST_RULES).sort(),
      names.filter((name) => !streams.has(name)),
    );
    for (const method of methods) {
      if (streams.has(nameOf(method))) continue;
      const rules = REQUEST_RULES[nameOf(method) as keyof typeof REQUEST_RULES];
      assert.deepEqual(
        Object.keys(rules).sort(),
        // Of a choice of fields there is one, named after the choice.
        [...new Set(method.input.fields.map(({ localName, oneof }) => oneof?.localName ?? localName))].sort(),
        nameOf(method),
      );
    }
  });

  it("what is internal is exactly what the gateway does not offer", () => {
    const open = new Set<string>(PUBLIC_SERVICES.map(({ typeName }) => typeName));
    for (const method of methods) {
      const internal = AUTHORIZATION[nameOf(method) as keyof typeof AUTHORIZATION] === "internal";
      assert.equal(open.has(method.parent.typeName), !internal, nameOf(method));
      assert.equal(method.parent.typeName.startsWith("loom.internal."), internal, nameOf(method));
    }
  });

  it("a list that asks every datacenter says which it could not reach", () => {
    for (const method of methods) {
      if (method.methodKind !== "unary") continue;
      const says = method.output.fields.some(({ name }) => name === "unreachable");
      assert.equal(ROUTING[nameOf(method) as keyof typeof ROUTING] === "fan-out", says, nameOf(method));
    }
  });

  it("what changes something takes a request id and validate_only, and no viewer may call it", () => {
    for (const method of methods) {
      const needed = AUTHORIZATION[nameOf(method) as keyof typeof AUTHORIZATION];
      if (needed === "internal") continue;
      const fields = method.input.fields.map(({ name }) => name);
      const changes = !/^(Get|List|Watch|Read)/.test(method.name);
      assert.equal(needed !== "viewer", changes, nameOf(method));
      // What a command did cannot be told again, and nobody knows beforehand what it would do.
      const repeatable = changes && !streams.has(nameOf(method));
      assert.equal(fields.includes("request_id") && fields.includes("validate_only"), repeatable, nameOf(method));
    }
  });
});
