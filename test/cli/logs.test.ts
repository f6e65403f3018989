/** `loom logs`: lines of several nodes, and what happens when the connection is lost. */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import {
  ReadLogsResponseSchema,
  ReadLogsResponse_Stream as Stream,
  type ReadLogsResponse,
} from "../../gen/web/loom/v1/job_pb.js";
import type { FakeServices } from "./fake-loom.js";
import { assertGolden } from "./golden.js";
import { cluster } from "./sample.js";
import { runWith, silence, start, withLoom } from "./use-cli.js";

describe("cli: logs", () => {
  const piece = (number: number, text: string, values: Partial<ReadLogsResponse> = {}): ReadLogsResponse =>
    create(ReadLogsResponseSchema, {
      task: `clusters/hello-1/jobs/1/tasks/${number}`,
      attempt: 1,
      node: 1000 + number,
      service: "web",
      action: "INSTALL",
      stream: Stream.STDOUT,
      text,
      ...(values as object),
    });
  const finding = { clusters: { listClusters: () => ({ clusters: [cluster()] }) } };

  it("puts lines of several nodes one under the other, each with its prefix", async () => {
    const services: FakeServices = {
      ...finding,
      jobs: {
        readLogs: async function* (request) {
          assert.deepEqual(
            [request.name, request.node, request.attempt, request.follow],
            ["clusters/hello-1/jobs/1", 0, 0, false],
          );
          yield piece(1, "one\ntw");
          yield piece(2, "zwei\u001b[2J\n", { service: "", action: "CREATE" });
          yield create(ReadLogsResponseSchema, {});
          yield piece(1, "o\n");
          yield piece(1, "oops\n", { stream: Stream.STDERR, attempt: 2 });
          yield piece(2, "no newline");
        },
      },
    };
    const { exit, out } = await runWith(services, ["logs", "hello"]);
    assert.equal(exit, 0);
    assertGolden("view-logs", out);
    assert.equal((await runWith(services, ["logs", "hello", "--no-prefix"])).out, "one\nzwei\ntwo\noops\nno newline\n");
  });

  it("leaves out what was received before a lost connection", async () => {
    let calls = 0;
    const services: FakeServices = {
      ...finding,
      jobs: {
        readLogs: async function* (_, context) {
          calls++;
          if (calls === 1) {
            yield piece(1, "one\ntwo\n");
            await silence(context);
          }
          yield piece(1, "one\n");
          yield piece(1, "two\nthree\n");
        },
      },
    };
    await withLoom(services, async (loom) => {
      const { terminal, ended } = start(["logs", "hello", "-f", "--no-prefix"], { env: { LOOM_URL: loom.url } });
      await terminal.until(/two/);
      loom.cut();
      const { exit, out, err } = await ended;
      assert.equal(calls, 2);
      assert.equal(exit, 0, err);
      assert.equal(out, "one\ntwo\nthree\n");
      assert.match(err, /reconnecting/);
    });
  });

  it("names one task or one node", async () => {
    const asked: unknown[] = [];
    const services: FakeServices = {
      ...finding,
      jobs: {
        readLogs: async function* (request) {
          asked.push([request.name, request.node, request.attempt]);
          yield piece(1, "x\n");
        },
      },
    };
    await runWith(services, ["logs", "hello", "--task", "4", "--attempt", "2"]);
    await runWith(services, ["logs", "hello/nodes/1001"]);
    await runWith(services, ["logs", "hello", "--node", "1002"]);
    assert.deepEqual(asked, [
      ["clusters/hello-1/jobs/1/tasks/4", 0, 2],
      ["clusters/hello-1/jobs/1", 1001, 0],
      ["clusters/hello-1/jobs/1", 1002, 0],
    ]);
  });
});
