/** Waiting and watching: live progress, lost connections, Ctrl-C and timeouts. */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { Cluster_State } from "../../gen/web/loom/v1/cluster_pb.js";
import {
  Job_Kind,
  Job_State,
  Task_State,
  WatchJobResponseSchema,
  type WatchJobResponse,
} from "../../gen/web/loom/v1/job_pb.js";
import { WatchEventsResponseSchema } from "../../gen/web/loom/v1/event_pb.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { assertGolden } from "./golden.js";
import { activeCluster, cluster, doneJob, events, job, nodes, task } from "./sample.js";
import { runWith, silence, start, withLoom } from "./use-cli.js";

const CREATE = ["create", "hello", "--template", "web-farm", "--nodes", "4", "--wait"];
const env = (url: string): { env: Record<string, string> } => ({ env: { LOOM_URL: url, LOOM_TOKEN: "t" } });

function message(
  token: string,
  parts: { job?: ReturnType<typeof job>; tasks?: ReturnType<typeof task>[] } = {},
): WatchJobResponse {
  return create(WatchJobResponseSchema, { resumeToken: token, ...parts });
}

const failed = job({
  state: Job_State.FAILED,
  failedCount: 1,
  runningCount: 0,
  message: "a task failed for good",
  reason: "TASK_FAILED",
});

function watching(
  watchJob: (request: { resumeToken: string }, context: HandlerContext) => AsyncIterable<WatchJobResponse>,
): FakeServices {
  return {
    clusters: {
      createCluster: () => cluster(),
      getCluster: () => activeCluster(),
      listNodes: () => ({ nodes: nodes() }),
      listClusters: () => ({ clusters: [cluster()] }),
      deleteCluster: () => job(),
    },
    jobs: {
      watchJob,
      listJobs: () => ({ jobs: [] }),
      listTasks: () => ({
        tasks: [task(14, { state: Task_State.FAILED, message: "the script ended with 7", node: 1003 })],
      }),
    },
  };
}

describe("cli: --wait", () => {
  it("ends with 0 when the job is complete, and prints where the cluster answers", async () => {
    const services = watching(async function* () {
      yield message("1", { job: job({ doneCount: 3 }), tasks: [task(12)] });
      yield message("2");
      yield message("3", { job: doneJob(), tasks: [task(12, { state: Task_State.COMPLETE })] });
    });
    const { exit, out, err } = await runWith(services, CREATE);
    assert.equal(exit, 0, err);
    assert.match(out, /farm: +http:\/\/127\.0\.0\.2:8080\//);
    assert.match(err, /hello-1 create: 12\/29, handing out/);
    assert.match(err, /complete: create of hello-1, 29 tasks done in 1m 2s/);
  });

  it("ends with 1 when the job failed, and says what most likely stopped it", async () => {
    const services = watching(async function* () {
      yield message("1", {
        job: failed,
        tasks: [task(14, { state: Task_State.FAILED, message: "the script ended with 7" })],
      });
    });
    const { exit, err } = await runWith(services, CREATE);
    assert.equal(exit, 1);
    assertGolden("wait-failed", err);
  });

  it("says how a change that failed is mended", async () => {
    const mends = async (kind: Job_Kind): Promise<string | undefined> => {
      const services = watching(async function* () {
        yield message("1", { job: { ...failed, kind }, tasks: [] });
      });
      return /go on: .*/.exec((await runWith(services, CREATE)).err)?.[0];
    };
    assert.equal(await mends(Job_Kind.CONFIGURE), "go on:    loom retry hello-1      mend it: loom repair hello-1");
    assert.equal(await mends(Job_Kind.DELETE), "go on:    loom retry hello-1");
  });

  it("goes on after the last message when the connection is lost, and says so", async () => {
    const tokens: string[] = [];
    const services = watching(async function* (request, context) {
      tokens.push(request.resumeToken);
      if (tokens.length === 1) {
        yield message("a", { job: job({ doneCount: 3, state: Job_State.CANCELLING }) });
        await silence(context);
      } else if (tokens.length === 2) throw refusal("SHUTTING_DOWN", "Loom stops.");
      else yield message("b", { job: doneJob() });
    });
    await withLoom(services, async (loom) => {
      const { terminal, ended } = start(CREATE, env(loom.url));
      await terminal.until(/3\/29/);
      loom.cut();
      const { exit, err } = await ended;
      assert.equal(exit, 0, err);
      assert.deepEqual(tokens, ["", "a", "a"]);
      assert.match(err, /The connection was lost; reconnecting\. The job goes on\./);
      assert.match(err, /Connected again\./);
    });
  });

  it("begins anew where the token is no longer known", async () => {
    const tokens: string[] = [];
    const services = watching(async function* (request) {
      tokens.push(request.resumeToken);
      if (tokens.length === 1) yield message("a", { job: job() });
      else if (request.resumeToken === "a") throw refusal("INVALID_RESUME_TOKEN", "That token is too old.");
      else yield message("b", { job: doneJob() });
    });
    assert.equal((await runWith(services, CREATE)).exit, 0);
    assert.deepEqual(tokens, ["", "a", ""]);
  });

  it("an error that a new connection does not mend ends the command", async () => {
    // oxlint-disable-next-line require-yield -- it fails before its first message
    const services = watching(async function* () {
      throw refusal("PERMISSION_DENIED", "You may not look.");
    });
    const { exit, err } = await runWith(services, CREATE);
    assert.equal(exit, 1);
    assert.match(err, /You may not look/);
  });

  it("ends with 6 after --timeout and says that the job goes on", async () => {
    const services = watching(async function* (_, context) {
      yield message("a", { job: job() });
      await silence(context);
    });
    const { exit, err } = await runWith(services, [...CREATE, "--timeout", "50ms"]);
    assert.equal(exit, 6);
    assert.match(err, /did not get there within 0s \(12 of 29 tasks done\)\. The job goes on\./);
    assert.match(err, /loom status hello-1 --watch/);
  });

  it("Ctrl-C ends with 130 and says that the job goes on and how to look again", async () => {
    const services = watching(async function* (_, context) {
      yield message("a", { job: job() });
      await silence(context);
    });
    await withLoom(services, async (loom) => {
      const { terminal, ended } = start(CREATE, { ...env(loom.url), tty: true });
      await terminal.until(/handing out/);
      terminal.interrupt();
      const { exit, err } = await ended;
      assert.equal(exit, 130);
      assert.match(
        err,
        /No longer waiting\. The job clusters\/hello-1\/jobs\/1 goes on\.\n +Look again: loom status hello-1 --watch/,
      );
      assert.doesNotMatch(err, /error:/);
      assert.ok(err.includes("\u001b[?25h"), "the cursor is shown again");
      assert.ok(err.lastIndexOf("\u001b[?25h") > err.lastIndexOf("\u001b[?25l"));
    });
  });

  it("draws in place on a terminal", async () => {
    let shown: (pattern: RegExp) => Promise<void> = async () => undefined;
    const services = watching(async function* () {
      yield message("1", { job: job({ doneCount: 3 }), tasks: [task(12), task(13, { node: 1002 })] });
      // Drawings follow each other slower than messages may.
      await shown(/3\/29/);
      yield message("2", {
        job: job({ doneCount: 4 }),
        tasks: [task(13, { node: 1002, state: Task_State.RETRYING, message: "no mirror", attempt: 1 })],
      });
      await shown(/4\/29/);
      yield message("3", { job: doneJob() });
    });
    await withLoom(services, async (loom) => {
      const { terminal, ended } = start(CREATE, {
        tty: true,
        columns: 100,
        env: { LOOM_URL: loom.url, NO_COLOR: "1" },
      });
      shown = terminal.until;
      const { exit, err } = await ended;
      assert.equal(exit, 0);
      assert.match(err, /hello-1 create \[###-+\] 3\/29 10% {2}1m 12s {2}RUNNING/);
      assert.match(err, /now: {2}installing web on 1001 and 1002/);
      assert.match(err, /1002: installing web failed, another try follows: no mirror\n/);
      assert.match(err, /\u001b\[\d+A\r\u001b\[J/); // oxlint-disable-line no-control-regex -- redrawing is what this looks for
    });
  });

  it("loom wait does the same for a job that is there, and does not wait for one that has ended", async () => {
    const services = watching(async function* () {
      yield message("1", { job: doneJob() });
    });
    const { exit, err } = await runWith(services, ["wait", "hello"]);
    assert.equal(exit, 0, err);
    assert.match(err, /complete: create of hello-1/);
    const ended = { ...services, clusters: { listClusters: () => ({ clusters: [cluster({ job: failed })] }) } };
    assert.equal((await runWith(ended, ["wait", "hello", "--timeout", "1m"])).exit, 1);
    assert.equal((await runWith(ended, ["wait", "hello", "--wait=failed"])).exit, 0);
  });

  it("waits for the state that is asked for", async () => {
    const services = watching(async function* (_, context) {
      yield message("a", { job: job({ state: Job_State.RUNNING }) });
      await silence(context);
    });
    assert.equal((await runWith(services, ["delete", "hello", "--yes", "--wait=running"])).exit, 0);
  });
});

describe("cli: --watch", () => {
  const feed: FakeServices = {
    clusters: {
      getCluster: () => activeCluster(),
      listClusters: () => ({ clusters: [cluster()] }),
      watchCluster: async function* () {
        yield { cluster: cluster(), resumeToken: "1" };
        yield { resumeToken: "1" };
        yield { cluster: cluster({ state: Cluster_State.TERMINATED }), resumeToken: "2" };
      },
      listNodes: () => ({ nodes: nodes() }),
    },
    jobs: {
      getJob: () => doneJob(),
      listTasks: () => ({ tasks: [task(12, { state: Task_State.COMPLETE })] }),
      watchJob: async function* () {
        yield message("1", { job: doneJob() });
      },
    },
  };

  it("status ends when the job has ended", async () => {
    const { exit, out } = await runWith(feed, ["status", "hello", "--watch"]);
    assert.equal(exit, 0);
    assert.match(out, /hello-1 ACTIVE, job 1 create COMPLETE 29\/29\n/);
  });

  it("tasks end with the job, each changed task on one line", async () => {
    const { exit, out } = await runWith(feed, ["tasks", "hello", "--watch", "-o", "jsonl"]);
    assert.equal(exit, 0);
    assert.deepEqual(
      out
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { state: string }).state),
      ["STATE_COMPLETE"],
    );
  });

  it("lists go on until Ctrl-C, drawn in place on a terminal", async () => {
    let state = Cluster_State.PENDING;
    const services: FakeServices = {
      clusters: { listClusters: () => ({ clusters: [cluster({ state })] }) },
      events: {
        watchEvents: async function* (_, context) {
          yield { resumeToken: "1" };
          state = Cluster_State.ACTIVE;
          yield { resumeToken: "2", events: events() };
          await silence(context);
        },
      },
    };
    for (const tty of [true, false]) {
      state = Cluster_State.PENDING;
      await withLoom(services, async (loom) => {
        const { terminal, ended } = start(["list", "--watch"], { ...env(loom.url), tty });
        await terminal.until(/ACTIVE/);
        terminal.interrupt();
        const { exit, out } = await ended;
        assert.equal(exit, 130);
        assert.match(out, /NAME/);
        assert.equal(out.includes("\u001b["), tty);
      });
    }
  });

  it("refuses formats that cannot be watched", async () => {
    const { exit, err } = await runWith(feed, ["nodes", "hello", "--watch", "-o", "json"]);
    assert.equal(exit, 2);
    assert.match(err, /jsonl/);
  });

  it("events -f print the past, then what happens, each event once", async () => {
    const [newest, oldest] = events();
    const services: FakeServices = {
      events: {
        listEvents: () => ({ events: [oldest!] }),
        watchEvents: async function* (_, context) {
          yield create(WatchEventsResponseSchema, { events: [oldest!, newest!], resumeToken: "1" });
          await silence(context);
        },
      },
    };
    await withLoom(services, async (loom) => {
      const { terminal, ended } = start(["events", "-f"], env(loom.url));
      await terminal.until(/JOB_FAILED/);
      terminal.interrupt();
      const { out } = await ended;
      assert.equal(out.match(/JOB_ACCEPTED/g)?.length, 1);
      assert.match(out, /2026-01-10 11:59:50Z +ERROR/);
    });
  });
});
