/** Every RPC, called by nobody, by a stranger, by each role: only those who may get through to the application. */
import assert from "node:assert/strict";
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { RemoteError } from "../../gateway/client.js";
import { toConnectError } from "../../gateway/errors.js";
import { remoteErrorFrom } from "../../gateway/remote-error.js";
import { PUBLIC_SERVICES } from "../../gateway/services.js";
import { createUpstream } from "../../gateway/upstream.js";
import { ClusterService } from "../../gen/web/loom/v1/cluster_pb.js";
import { callerToMetadata } from "../../services/common/caller-metadata.js";
import type { Role } from "../../services/server/application.js";
import { AUTHORIZATION, covers } from "../../services/server/rpc/authorization.js";
import { DESCRIPTORS } from "../../services/server/rpc/reflection.js";
import { memoryApplication, type Noted } from "./memory-application.js";
import { useLoom } from "./use-loom.js";

const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

/** A request that passes the field rules, so that only the caller decides. */
const VALID: Readonly<Record<string, object>> = {
  "CatalogService.GetDocument": { name: "documents/Service/web" },
  "CatalogService.ListDocumentVersions": { name: "documents/Service/web" },
  "CatalogService.DeleteDocument": { name: "documents/Service/web" },
  "CatalogService.ApplyDocuments": { files: [{ path: "a.yaml", text: "" }] },
  "ClusterService.CreateCluster": { displayName: "demo", template: "web-farm", nodeCount: 4 },
  "ClusterService.ChangeLease": { name: "clusters/demo-1s", change: { case: "forever", value: true } },
  "ClusterService.AddNodes": { name: "clusters/demo-1s", service: "web", count: 1 },
  "ClusterService.ReplaceNode": { name: "clusters/demo-1s", node: 1000 },
  "ClusterService.AddServices": { name: "clusters/demo-1s", services: ["web"] },
  "ClusterService.RemoveServices": { name: "clusters/demo-1s", services: ["web"] },
  "ClusterService.ListNodes": { parent: "clusters/demo-1s" },
  "ClusterService.GetNode": { name: "clusters/demo-1s/nodes/1000" },
  "EventService.ListEvents": {},
  "JobService.ListJobs": { parent: "clusters/-" },
  "JobService.ListTasks": { parent: "clusters/demo-1s/jobs/7" },
  "JobService.ListAttempts": { parent: "clusters/demo-1s/jobs/7/tasks/0" },
  "JobService.RetryTask": { name: "clusters/demo-1s/jobs/7/tasks/0" },
  "JobService.SkipTask": { name: "clusters/demo-1s/jobs/7/tasks/0", reason: "known" },
  "ProvisionerService.CreateJoinToken": { label: "rack-2" },
  "ProvisionerService.RevokeProvisioner": { name: "provisioners/abc23" },
  "IdentityService.Identify": { token: "viewer-token" },
  "EnrolmentService.Join": { token: "t", certificateRequest: "r" },
  "EnrolmentService.RenewCertificate": { certificateRequest: "r" },
};

/** For callers that show a certificate, which the socket of this machine has none of. */
const WITH_CERTIFICATE = new Set(["EnrolmentService.RenewCertificate"]);

const nameOf = (method: DescMethod): string => `${method.parent.name}.${method.name}`;

function requestOf(method: DescMethod): Message {
  const hasName = method.input.fields.some(({ name }) => name === "name");
  const name = method.parent.name === "JobService" ? "clusters/demo-1s/jobs/7" : "clusters/demo-1s";
  return create(method.input, (VALID[nameOf(method)] ?? (hasName ? { name } : {})) as never);
}

const methods: readonly DescMethod[] = DESCRIPTORS.flatMap((service): readonly DescMethod[] => service.methods).filter(
  ({ methodKind }) => methodKind !== "bidi_streaming",
);

describe("authorization", () => {
  const { application, calls } = memoryApplication();
  const loom = useLoom({ application });

  /** Everything but the look-up of the token. */
  const reached = (): Noted[] => calls.filter(({ operation }) => operation !== "system.identify");

  /** Calls over Connect; answers with the reason of the error, or undefined. */
  async function throughGateway(method: DescMethod, token: string | undefined): Promise<string | undefined> {
    const headers =
      token === undefined
        ? {}
        : { authorization: `Bearer ${token}`, "loom-role": "admin", "loom-user": "mallory", "loom-tenant": "default" };
    const transport: Transport = createConnectTransport({ baseUrl: loom().gateway.url, httpVersion: "1.1" });
    try {
      if (method.methodKind === "unary") {
        await transport.unary(method as never, undefined, undefined, headers, requestOf(method) as never);
      } else {
        const response = await transport.stream(
          method as never,
          undefined,
          undefined,
          headers,
          (async function* () {
            yield requestOf(method);
          })() as never,
        );
        for await (const _ of response.message) break;
      }
      return undefined;
    } catch (thrown) {
      assert.ok(thrown instanceof ConnectError);
      return remoteErrorFrom(thrown, "").reason;
    }
  }

  /** Calls the server as its gateway does, with this identity; answers with the reason of the error, or undefined. */
  async function direct(method: DescMethod, role: Role | undefined): Promise<string | undefined> {
    const upstream = createUpstream(loom().socket);
    const caller = { tenant: "default", user: "u", role: role ?? "", credential: "c", sourceAddress: "127.0.0.1" };
    const call = {
      metadata: role === undefined ? [] : callerToMetadata(caller),
      timeoutMs: 5_000,
      signal: new AbortController().signal,
    };
    try {
      if (method.methodKind === "unary") await upstream.unary(method, requestOf(method), call);
      else for await (const _ of upstream.stream(method, requestOf(method), call)) break;
      return undefined;
    } catch (thrown) {
      const error = remoteErrorFrom(toConnectError(thrown, ""), "");
      assert.ok(error instanceof RemoteError);
      return error.reason;
    } finally {
      upstream.close();
    }
  }

  for (const method of methods) {
    const name = nameOf(method);
    const needed = AUTHORIZATION[name as keyof typeof AUTHORIZATION];
    it(`${name}: ${needed}`, async () => {
      calls.length = 0;
      if (needed === "internal") {
        assert.equal(await throughGateway(method, "admin-token"), "UNIMPLEMENTED");
        for (const role of ROLES) assert.equal(await direct(method, role), "PERMISSION_DENIED");
        assert.deepEqual(calls, []);
        assert.equal(await direct(method, undefined), WITH_CERTIFICATE.has(name) ? "PERMISSION_DENIED" : undefined);
        return;
      }
      assert.equal(await throughGateway(method, undefined), "UNAUTHENTICATED");
      assert.equal(await throughGateway(method, "no-such-token"), "UNAUTHENTICATED");
      assert.equal(await direct(method, undefined), "UNAUTHENTICATED");
      assert.deepEqual(reached(), []);
      for (const role of ROLES) {
        const may = covers(role, needed);
        calls.length = 0;
        assert.equal(await direct(method, role), may ? undefined : "PERMISSION_DENIED");
        assert.equal(await throughGateway(method, `${role}-token`), may ? undefined : "PERMISSION_DENIED");
        // GetIdentity is answered without the application.
        assert.equal(reached().length, may && name !== "SystemService.GetIdentity" ? 2 : 0);
      }
    });
  }

  it("ClusterService.CreateCluster with documents of its own: admin, as to apply them", async () => {
    const method = ClusterService.method.createCluster;
    const fields = { displayName: "x", template: "t", nodeCount: 1 };
    const documents = [{ path: "a.yaml", text: "kind: Service" }];
    const upstream = createUpstream(loom().socket);
    const refusal = async (role: Role, message: Message): Promise<{ reason: string; message: string } | undefined> => {
      const caller = { tenant: "default", user: "u", role, credential: "c", sourceAddress: "127.0.0.1" };
      const call = { metadata: callerToMetadata(caller), timeoutMs: 5_000, signal: new AbortController().signal };
      try {
        await upstream.unary(method, message, call);
        return undefined;
      } catch (thrown) {
        const error = remoteErrorFrom(toConnectError(thrown, ""), "");
        return { reason: (error as RemoteError).reason, message: error.message };
      }
    };
    try {
      calls.length = 0;
      const refused = await refusal("operator", create(method.input, { ...fields, documents }));
      assert.equal(refused?.reason, "PERMISSION_DENIED");
      assert.match(refused.message, /with documents needs the role admin, and you have operator: .* scripts/);
      assert.deepEqual(reached(), []);
      assert.equal(await refusal("operator", create(method.input, fields)), undefined);
      assert.equal(await refusal("admin", create(method.input, { ...fields, documents })), undefined);
      assert.equal(reached().length, 2);
    } finally {
      upstream.close();
    }
  });

  it("covers every service that the gateway offers", () => {
    const tried = new Set(methods.map(({ parent }) => parent.typeName));
    // Calls whose requests are streams: exec.test.ts.
    tried.add("loom.v1.ExecService");
    for (const { typeName } of PUBLIC_SERVICES) assert.ok(tried.has(typeName), typeName);
  });
});
