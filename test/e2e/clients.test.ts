/** The API of the built Loom as other programs use it: buf in three protocols, grpc-js, Connect for Node and for browsers. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { createLoomClient, type RemoteError } from "../../gateway/client.js";
import { ClusterServiceClient, CreateClusterRequest, type Cluster } from "../../gen/services/loom/v1/cluster.js";
import { JobServiceClient, Job_State, type WatchJobResponse } from "../../gen/services/loom/v1/job.js";
import { ClusterService, Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import { JobService, Job_State as WebJobState } from "../../gen/web/loom/v1/job_pb.js";
import { LoomProcess } from "../support/loom-process.js";
import { until } from "../support/wait.js";

const WEB_FARM = { template: "web-farm", nodeCount: 3, provider: "simulated" };

describe("clients of the API", function () {
  this.timeout(120_000);
  let loom: LoomProcess;

  before(async () => {
    loom = new LoomProcess({ flags: ["--no-farm"] });
    await loom.up();
  });
  after(() => loom?.destroy());

  for (const protocol of ["grpc", "grpcweb", "connect"]) {
    it(`buf curl in ${protocol}: creates, lists, and reads the reason of an error`, async () => {
      const call = async (method: string, request: object): Promise<Record<string, unknown>> => {
        const flags = ["--http2-prior-knowledge", "--protocol", protocol, "-d", JSON.stringify(request)];
        const args = [...flags, "-H", `authorization: Bearer ${loom.token}`, `${loom.url}/loom.v1.${method}`];
        const buf = resolve("node_modules/.bin/buf");
        const { stdout } = await promisify(execFile)(buf, ["curl", ...args], { cwd: tmpdir() });
        return JSON.parse(stdout) as Record<string, unknown>;
      };
      const request = { displayName: protocol, ...WEB_FARM, requestId: randomUUID() };
      const { name } = await call("ClusterService/CreateCluster", request);
      assert.equal((await call("ClusterService/CreateCluster", request))["name"], name);
      await until("the cluster is active", async () => {
        const { state } = await call("ClusterService/GetCluster", { name });
        return state === "STATE_ACTIVE";
      });
      const listed = await call("ClusterService/ListClusters", { displayName: protocol });
      assert.equal((listed["clusters"] as unknown[]).length, 1);
      await assert.rejects(call("ClusterService/GetCluster", { name: "clusters/none-zz" }), (thrown: Error) => {
        const { stderr } = thrown as Error & { stderr: string };
        assert.match(stderr, /not_found/);
        // What buf does not decode it prints in base64.
        const details = [...stderr.matchAll(/"value": "([^"]*)"/g)].map(([, value]) => Buffer.from(value!, "base64"));
        return details.some((detail) => detail.includes("CLUSTER_NOT_FOUND"));
      });
    });
  }

  it("grpc-js: creates, watches the job to its end, and is told an error's code", async () => {
    const address = new URL(loom.url).host;
    const clusters = new ClusterServiceClient(address, credentials.createInsecure());
    const jobs = new JobServiceClient(address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${loom.token}`);
    try {
      const request = CreateClusterRequest.fromPartial({
        displayName: "grpc-js",
        ...WEB_FARM,
        requestId: randomUUID(),
      });
      const cluster = await new Promise<Cluster>((done, fail) =>
        clusters.createCluster(request, metadata, (error, answer) => (error ? fail(error) : done(answer))),
      );
      const watched = jobs.watchJob({ name: cluster.job!.name, resumeToken: "" }, metadata);
      let last: WatchJobResponse["job"];
      let tasks = 0;
      watched.on("data", (message: WatchJobResponse) => {
        last = message.job ?? last;
        tasks += message.tasks.length;
      });
      await once(watched, "end");
      assert.equal(last!.state, Job_State.STATE_COMPLETE);
      assert.equal(last!.doneCount, last!.taskCount);
      assert.ok(tasks >= last!.taskCount);
      const refused = await new Promise<ServiceError | null>((done) =>
        clusters.getCluster({ name: cluster.name }, new Metadata(), (error) => done(error)),
      );
      assert.equal(refused!.code, status.UNAUTHENTICATED);
    } finally {
      clusters.close();
      jobs.close();
    }
  });

  it("Connect for Node: creates, watches, deletes", async () => {
    const client = createLoomClient({ url: loom.url, token: loom.token });
    const request = { displayName: "connect", ...WEB_FARM, requestId: randomUUID() };
    const cluster = await client.clusters.createCluster(request);
    const states: WebJobState[] = [];
    for await (const { job } of client.jobs.watchJob({ name: cluster.job!.name })) {
      if (job !== undefined) states.push(job.state);
      if (job?.state === WebJobState.COMPLETE) break;
    }
    assert.ok(states.every((state, i) => i === 0 || state >= states[i - 1]!));
    const job = await client.clusters.deleteCluster({ name: cluster.name, requestId: randomUUID() });
    for await (const message of client.jobs.watchJob({ name: job.name })) {
      if (message.job?.state === WebJobState.COMPLETE) break;
    }
    assert.equal((await client.clusters.getCluster({ name: cluster.name })).state, Cluster_State.TERMINATED);
    await assert.rejects(
      client.clusters.createCluster({ ...request, template: "web-frm", requestId: randomUUID() }),
      (thrown: RemoteError) => thrown.reason === "TEMPLATE_NOT_FOUND" && /web-farm/.test(thrown.message),
    );
  });

  it("Connect for browsers: what fetch can do is enough", async () => {
    const authorize: Interceptor = (next) => (request) => {
      request.header.set("authorization", `Bearer ${loom.token}`);
      return next(request);
    };
    const transport = createConnectTransport({ baseUrl: loom.url, interceptors: [authorize] });
    const clusters = createClient(ClusterService, transport);
    const cluster = await clusters.createCluster({ displayName: "browser", ...WEB_FARM, requestId: randomUUID() });
    for await (const { job } of createClient(JobService, transport).watchJob({ name: cluster.job!.name })) {
      if (job?.state === WebJobState.COMPLETE) break;
    }
    assert.equal((await clusters.getCluster({ name: cluster.name })).state, Cluster_State.ACTIVE);
    const anonymous = createClient(ClusterService, createConnectTransport({ baseUrl: loom.url }));
    await assert.rejects(
      anonymous.listClusters({}),
      (thrown) => thrown instanceof ConnectError && thrown.code === Code.Unauthenticated,
    );
  });
});
