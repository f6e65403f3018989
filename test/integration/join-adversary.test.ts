/** What strangers, and provisioners that were taken over, get at the address of provisioners: nothing. */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, Socket } from "node:net";
import { connect, TLSSocket, type ConnectionOptions } from "node:tls";
import { ChannelCredentials, Client, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { JoinRequest } from "../../gen/services/loom/internal/v1/enrolment.js";
import {
  WorkerServiceClient,
  type WorkRequest,
  type WorkResponse,
} from "../../gen/services/loom/internal/v1/worker.js";
import { issueClient, issueServer, keyOfRequest, makeAuthority } from "../../services/common/certificates/issue.js";
import { credentialsOf, join as enrol, newKey, type Identity } from "../../services/provisioner/worker/enrolment.js";
import { TLS_OPTIONS } from "../../services/provisioner/worker/provisioner.js";
import { identityFiles } from "../../services/standalone/identity-file.js";
import { useJoiningLoom } from "../support/joining.js";
import { CALLER, mutation } from "../support/loom.js";
import { until } from "../support/wait.js";

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

describe("the address of provisioners", function () {
  this.timeout(30_000);
  const loom = useJoiningLoom();
  const stranger = (): ChannelCredentials =>
    ChannelCredentials.createSsl(Buffer.from(loom.certificates.authority.cert), null, null, {
      checkServerIdentity: () => undefined,
    });
  const member = async (): Promise<Identity> => {
    const { token } = await loom.token();
    return enrol(loom.address, loom.fingerprint, token, await newKey(), { host: "h", datacenter: "" });
  };

  /** Calls with bytes as they are; answers with the error, or undefined where there was none. */
  function call(
    credentials: ChannelCredentials,
    path: string,
    bytes: Buffer = Buffer.alloc(0),
    metadata = new Metadata(),
  ): Promise<ServiceError | undefined> {
    const client = new Client(loom.address, credentials, TLS_OPTIONS);
    return new Promise<ServiceError | undefined>((resolve) => {
      client.makeUnaryRequest(
        path,
        (value: Buffer) => value,
        (value) => value,
        bytes,
        metadata,
        { deadline: Date.now() + 10_000 },
        (error) => resolve(error ?? undefined),
      );
    }).finally(() => client.close());
  }

  /** Registers on a Work stream; answers with the first word of the server or the error. `over` is what it ends with. */
  function work(
    credentials: ChannelCredentials,
    register: Partial<{ provisioner: string; slots: number }> = {},
    metadata = new Metadata(),
  ): Promise<{
    said: WorkResponse | undefined;
    error: ServiceError | undefined;
    over: Promise<ServiceError>;
    close: () => void;
  }> {
    const client = new WorkerServiceClient(loom.address, credentials, TLS_OPTIONS);
    const stream = client.work(metadata);
    stream.write({
      body: {
        $case: "register",
        value: {
          provisioner: "me",
          worker: "me-1",
          slots: 1,
          datacenter: "",
          providers: [
            { type: "simulated", description: "", fields: [], unavailableReason: "" },
            { type: "docker", description: "", fields: [], unavailableReason: "" },
          ],
          automators: [],
          ...register,
        },
      },
    } satisfies WorkRequest);
    const close = (): void => {
      stream.cancel();
      client.close();
    };
    const over = new Promise<ServiceError>((resolve) => stream.on("error", resolve));
    return new Promise((resolve) => {
      stream.once("data", (said: WorkResponse) => resolve({ said, error: undefined, over, close }));
      stream.on("error", (error: ServiceError) => {
        client.close();
        resolve({ said: undefined, error, over, close });
      });
    });
  }

  /** Whether the other side closed it without a word. */
  async function isClosed(options: ConnectionOptions, write = ""): Promise<boolean> {
    const socket: TLSSocket = connect({ host: "127.0.0.1", port: loom.port, rejectUnauthorized: false, ...options });
    let said = 0;
    socket.on("data", (chunk) => (said += chunk.length));
    socket.on("error", () => undefined);
    socket.once("secureConnect", () => write !== "" && socket.write(write));
    await closed(socket);
    return said === 0;
  }

  it("answers nobody who speaks in clear text", async () => {
    for (const text of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\0\0\0"]) {
      const socket = connectTcp(loom.port, "127.0.0.1");
      let said = "";
      socket.on("data", (chunk) => (said += chunk.toString("latin1")));
      socket.on("error", () => undefined);
      socket.end(text);
      await closed(socket);
      // A TLS alert is all there may be.
      assert.ok(said === "" || said.charCodeAt(0) === 21, JSON.stringify(said));
    }
    const error = await call(ChannelCredentials.createInsecure(), "/loom.internal.v1.WorkerService/Work");
    assert.equal(error?.code, status.UNAVAILABLE);
  });

  it("speaks nothing but HTTP/2, over nothing older than TLS 1.3", async () => {
    assert.ok(await isClosed({ ALPNProtocols: ["http/1.1"] }, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert.ok(await isClosed({}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert.ok(await isClosed({ ALPNProtocols: ["h2"], maxVersion: "TLSv1.2" }));
  });

  it("closes connections with a certificate of another authority, and with none of a client", async () => {
    const other = await makeAuthority(Date.now());
    const { key, request } = await newKey();
    const publicKey = await keyOfRequest(request);
    const { id } = await loom.token();
    const forged = await issueClient(other, { name: id, publicKey }, Date.now());
    const { authority } = loom.certificates;
    const server = await issueServer(authority, { names: [], addresses: [] }, Date.now());
    const longAgo = await issueClient(authority, { name: id, publicKey }, Date.now() - 200 * 86_400_000);
    for (const [what, cert, with_] of [
      ["another authority", forged.cert, key],
      ["a server's certificate", server.cert, server.key],
      ["one that has ended", longAgo.cert, key],
      ["the other authority itself", other.cert, other.key],
    ] as const) {
      assert.ok(await isClosed({ ALPNProtocols: ["h2"], cert, key: with_ }), what);
      const identity = { id, label: "", authority: authority.cert, certificate: cert, key: with_ };
      assert.equal((await work(credentialsOf(identity))).error?.code, status.UNAVAILABLE, what);
    }
  });

  it("lets nobody work who has a certificate and never joined", async () => {
    const { request, key } = await newKey();
    const { authority } = loom.certificates;
    for (const name of ["unknown", (await loom.token()).id, "", "admin"]) {
      const { cert } = await issueClient(authority, { name, publicKey: await keyOfRequest(request) }, Date.now());
      const identity = { id: name, label: "", authority: authority.cert, certificate: cert, key };
      assert.equal((await work(credentialsOf(identity))).error?.code, status.PERMISSION_DENIED, name);
    }
  });

  const OTHERS = [
    "/loom.internal.v1.IdentityService/Identify",
    "/loom.v1.SystemService/GetSystem",
    "/loom.v1.ClusterService/ListClusters",
    "/loom.v1.ProvisionerService/CreateJoinToken",
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  ];

  it("offers who has no certificate to join, and nothing else", async () => {
    for (const path of [
      ...OTHERS,
      "/loom.internal.v1.WorkerService/Work",
      "/loom.internal.v1.EnrolmentService/RenewCertificate",
    ])
      assert.equal((await call(stranger(), path))?.code, status.UNIMPLEMENTED, path);
    assert.equal((await work(stranger())).error?.code, status.UNIMPLEMENTED);
    assert.equal((await call(stranger(), "/loom.internal.v1.EnrolmentService/Join"))?.code, status.INVALID_ARGUMENT);
  });

  it("offers a provisioner to work, and nothing else, whoever it says it is", async () => {
    const identity = await member();
    for (const path of [...OTHERS, "/loom.internal.v1.EnrolmentService/Join"])
      assert.equal((await call(credentialsOf(identity), path))?.code, status.UNIMPLEMENTED, path);
    const claims = new Metadata();
    for (const [key, value] of Object.entries({ "loom-user": "admin", "loom-tenant": "default", "loom-role": "admin" }))
      claims.set(key, value);
    assert.equal((await work(credentialsOf(identity), {}, claims)).error?.code, status.PERMISSION_DENIED);
    // It registers under the name of the one of Loom's own machine, and gets its own.
    const { said, close } = await work(credentialsOf(identity), { provisioner: "near" });
    assert.equal(said?.body?.$case, "registered");
    const stream = loom.server.hub.connected().find(({ worker }) => worker === "me-1")!;
    assert.deepEqual([stream.provisioner, stream.label], [identity.id, "rack-2"]);
    // So it serves what names it, and takes nothing from the others.
    assert.equal(loom.server.hub.isServed("docker"), false);
    assert.equal(loom.server.hub.isServed("docker@rack-2"), true);
    close();
    await until("it is gone", () => !loom.server.hub.connected().some(({ worker }) => worker === "me-1"));
  });

  it("takes no message that is too large, and lives on", async () => {
    const join = (bytes: number): Buffer =>
      Buffer.from(
        JoinRequest.encode({ token: "t".repeat(bytes), certificateRequest: "r", host: "", datacenter: "" }).finish(),
      );
    const path = "/loom.internal.v1.EnrolmentService/Join";
    for (const [bytes, code] of [
      [5_000, status.INVALID_ARGUMENT],
      [70_000, status.RESOURCE_EXHAUSTED],
      [20_000_000, status.RESOURCE_EXHAUSTED],
    ] as const)
      assert.equal((await call(stranger(), path, join(bytes)))?.code, code, String(bytes));
    assert.equal((await call(stranger(), path, Buffer.from([0xff, 0xff])))?.code, status.INVALID_ARGUMENT);
    // What it says of itself is shown on other people's terminals.
    const painted = JoinRequest.encode({
      token: "t",
      certificateRequest: "r",
      host: "\x1b[31m",
      datacenter: "",
    }).finish();
    assert.match((await call(stranger(), path, Buffer.from(painted)))?.details ?? "", /host must be/);
    const identity = await member();
    const answer = await work(credentialsOf(identity), { provisioner: "p".repeat(5_000_000) });
    assert.equal(answer.error?.code, status.RESOURCE_EXHAUSTED);
    const huge = await work(credentialsOf(identity), { provisioner: "p".repeat(20_000_000) });
    assert.equal(huge.error?.code, status.RESOURCE_EXHAUSTED);
    const { said, close } = await work(credentialsOf(identity));
    assert.equal(said?.body?.$case, "registered");
    close();
  });

  it("stays open for provisioners while strangers hold connections", async () => {
    const held = Array.from({ length: 130 }, () => {
      const socket = connect({ host: "127.0.0.1", port: loom.port, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
      socket.on("error", () => undefined);
      return socket;
    });
    // Some are let in to say who they are, the rest is closed.
    await until("the rest is closed", () => held.filter(({ closed }) => closed).length >= 30);
    const silent = Array.from({ length: 20 }, () => connectTcp(loom.port, "127.0.0.1").on("error", () => undefined));
    const folder = loom.folder();
    for (const socket of held.slice(0, 100)) socket.destroy();
    await until("there is room", async () => {
      const { token } = await loom.token();
      return loom.join({ token, folder }).then(
        () => true,
        () => false,
      );
    });
    assert.ok(identityFiles(folder).joined() !== undefined);
    for (const socket of [...held, ...silent]) socket.destroy();
  });

  it("closes what was revoked while it worked, and what comes in at the same moment", async () => {
    const identity = await member();
    const streams = await Promise.all(Array.from({ length: 3 }, () => work(credentialsOf(identity))));
    assert.ok(streams.every(({ said }) => said !== undefined));
    const late = Array.from({ length: 10 }, () => work(credentialsOf(identity)));
    await loom.server.application.provisioners.revoke(CALLER, identity.id, mutation());
    await until("no stream of it is left", () =>
      loom.server.hub.connected().every(({ provisioner }) => provisioner !== identity.id),
    );
    await Promise.all(late);
    await until("nor does one stay", () =>
      loom.server.hub.connected().every(({ provisioner }) => provisioner !== identity.id),
    );
    for (const { close } of [...streams, ...(await Promise.all(late))]) close();
  });

  describe("who was revoked", () => {
    const { prototype } = TLSSocket as unknown as { prototype: Socket };
    const { get: portOf } = Object.getOwnPropertyDescriptor(Socket.prototype, "remotePort")!;
    /** Makes every connection that the server accepts report one and the same port. */
    const hideAddresses = (): void =>
      void Object.defineProperty(prototype, "remotePort", {
        configurable: true,
        get(this: Socket) {
          return this.localPort === loom.port ? 1 : (portOf!.call(this) as number | undefined);
        },
      });
    afterEach(() => void Reflect.deleteProperty(prototype, "remotePort"));

    /** A connection without any call. */
    const idle = async ({ authority, certificate, key }: Identity): Promise<{ closed: Promise<unknown> }> => {
      const session = connectHttp2(`https://${loom.address}`, {
        ca: authority,
        cert: certificate,
        key,
        checkServerIdentity: () => undefined,
      });
      session.on("error", () => undefined);
      const over = new Promise((resolve) => session.once("close", resolve));
      // The server's settings say that it has let this one in.
      await new Promise((resolve) => session.once("remoteSettings", resolve));
      return { closed: over };
    };
    const revoke = (id: string): Promise<unknown> =>
      loom.server.application.provisioners.revoke(CALLER, id, mutation());
    const worksAs = (id: string): boolean => loom.server.hub.connected().some(({ provisioner }) => provisioner === id);

    /** Streams end with the reason, not with the connection. */
    const hears = async ({ over }: { over: Promise<ServiceError> }): Promise<void> => {
      const { code, details } = await over;
      assert.equal(code, status.PERMISSION_DENIED, details);
      assert.match(details, /revoked/);
    };

    it("loses every connection, those without a call as well", async () => {
      const identity = await member();
      const streams = [await work(credentialsOf(identity)), await work(credentialsOf(identity))];
      const connections = [await idle(identity), await idle(identity)];
      await revoke(identity.id);
      await Promise.all([...streams.map(hears), ...connections.map(({ closed: over }) => over)]);
      assert.equal(worksAs(identity.id), false);
      for (const { close } of streams) close();
    });

    it("waits for no command any more, whether it has offered itself or not yet", async () => {
      const identity = await member();
      const client = new WorkerServiceClient(loom.address, credentialsOf(identity), TLS_OPTIONS);
      const streams = ["offers", "is silent"].map((what) => {
        const stream = client.sessions(new Metadata());
        stream.on("data", () => undefined);
        if (what === "offers")
          stream.write({
            body: { $case: "offer", value: { provisioner: "me", providerTypes: ["simulated"] } },
          });
        return { over: new Promise<ServiceError>((resolve) => stream.on("error", resolve)) };
      });
      // Calls of one connection come in in their order: when this one is answered, they are there.
      const same = (bytes: Buffer): Buffer => bytes;
      await new Promise((resolve) => client.makeUnaryRequest("/no/such", same, same, Buffer.alloc(0), resolve));
      await revoke(identity.id);
      await Promise.all(streams.map(hears));
      client.close();
    });

    it("is out as well where other connections report the same address, and nobody else is", async () => {
      hideAddresses();
      const [bad, good] = [await member(), await member()];
      const held = await idle(bad);
      const stays = await idle(good);
      let isOut = false;
      void stays.closed.then(() => (isOut = true));
      const early = await work(credentialsOf(bad));
      const theirs = await work(credentialsOf(good));
      for (const { said } of [early, theirs]) assert.equal(said?.body?.$case, "registered");
      assert.deepEqual([worksAs(bad.id), worksAs(good.id)], [true, true]);
      await revoke(bad.id);
      await hears(early);
      await held.closed;
      await hears(await work(credentialsOf(bad)));
      // Nor does one that ends take another with it.
      const another = await work(credentialsOf(good));
      assert.deepEqual([another.said?.body?.$case, worksAs(good.id), isOut], ["registered", true, false]);
      for (const { close } of [early, theirs, another]) close();
      await revoke(good.id);
      await stays.closed;
    });

    it("is out as well where an earlier connection with the same address has ended", async () => {
      hideAddresses();
      const identity = await member();
      const first = await work(credentialsOf(identity));
      const second = await work(credentialsOf(identity));
      const held = await idle(identity);
      first.close();
      const streams = (): number =>
        loom.server.hub.connected().filter(({ provisioner }) => provisioner === identity.id).length;
      await until("the first is over", () => streams() < 2);
      await revoke(identity.id);
      await hears(second);
      await held.closed;
      second.close();
    });
  });
});
