/** Commands on nodes, on a whole server: what is refused and why, limits, and the record. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { createConduit } from "../../services/common/conduit.js";
import { LoomError, type Reason } from "../../services/common/errors.js";
import type { SessionInput, SessionOutput, SessionRequest } from "../../services/server/sessions/types.js";
import { CALLER, mutation, useLoom } from "../support/loom.js";
import { until } from "../support/wait.js";

describe("commands on nodes", function () {
  this.timeout(60_000);
  const loom = useLoom();
  let cluster = "";

  before(async () => {
    const view = await loom.application.clusters.create(CALLER, {
      displayName: "commands",
      template: "small",
      nodeCount: 4,
      description: "",
      provider: "",
      services: [],
      hardwareType: "",
      imageType: "",
      dnsSuffix: "",
      config: {},
      withDependencies: false,
      requestId: randomUUID(),
      validateOnly: false,
    });
    cluster = view.name;
    await loom.ended(cluster, 1);
  });

  const request = (more: Partial<SessionRequest> = {}): SessionRequest => ({
    cluster,
    node: 1000,
    command: ["echo", "s3cret"],
    env: {},
    terminal: undefined,
    ...more,
  });

  /** An input that neither says anything nor ends. */
  const silence = (): AsyncIterable<SessionInput> => createConduit(1);
  async function* nothing(): AsyncGenerator<SessionInput> {}

  async function all(source: AsyncIterable<SessionOutput>): Promise<SessionOutput[]> {
    const taken: SessionOutput[] = [];
    for await (const one of source) taken.push(one);
    return taken;
  }
  const run = (
    more: Partial<SessionRequest> = {},
    input: AsyncIterable<SessionInput> = nothing(),
    signal = new AbortController().signal,
    caller = CALLER,
  ): Promise<SessionOutput[]> => all(loom.application.exec.exec(caller, request(more), input, signal));
  const refused = (reason: Reason, words: RegExp, running: Promise<unknown>): Promise<void> =>
    assert.rejects(running, (thrown: unknown) => {
      assert.ok(thrown instanceof LoomError, String(thrown));
      assert.equal(thrown.reason, reason);
      assert.match(thrown.message, words);
      return true;
    });

  it("gives the output and the end, and keeps who it was, without arguments", async () => {
    const [started, printed, end] = await run();
    assert.deepEqual([started?.kind, printed?.kind, end], ["started", "stdout", { kind: "end", exitCode: 0 }]);
    assert.deepEqual((await run({ command: ["false"] })).at(-1), { kind: "end", exitCode: 1 });
    const { items } = await loom.application.events.list(CALLER, cluster, { pageSize: 10, pageToken: "" });
    const opened = items.filter(({ reason }) => reason === "SESSION_OPENED");
    assert.deepEqual(
      opened.map(({ message, actor }) => [message, actor]),
      [
        ["On node 1000: false.", "tester"],
        ["On node 1000: echo with 1 argument.", "tester"],
      ],
    );
    const rows = await loom.database.pool.query("SELECT payload FROM log_record WHERE kind = 'SessionOpened'");
    assert.equal(rows.rowCount, 2);
  });

  it("is for administrators where nodes are processes of Loom's own user", async () => {
    const operator = { ...CALLER, role: "operator" as const };
    assert.equal((await run({}, nothing(), undefined, operator)).at(-1)?.kind, "end");
    const become = (type: string) =>
      loom.database.pool.query(
        `UPDATE cluster SET spec = jsonb_set(spec, '{provider,body,type}', to_jsonb($1::text))`,
        [type],
      );
    await become("local");
    try {
      await refused("PERMISSION_DENIED", /only an administrator/, run({}, nothing(), undefined, operator));
    } finally {
      await become("simulated");
    }
  });

  it("changes nothing of the cluster: its etag stays", async () => {
    const before = await loom.application.clusters.get(CALLER, cluster);
    await run();
    assert.equal((await loom.application.clusters.get(CALLER, cluster)).etag, before.etag);
  });

  it("refuses what is not there, and what is another tenant's", async () => {
    await refused("CLUSTER_NOT_FOUND", /no cluster/, run({ cluster: "nobody-1z" }));
    await refused("NODE_NOT_FOUND", /no node 4711/, run({ node: 4711 }));
    const stranger = { ...CALLER, tenant: "other" };
    await refused("CLUSTER_NOT_FOUND", /no cluster/, run({}, nothing(), new AbortController().signal, stranger));
  });

  it("ends where nobody takes its output any more, and where it is stopped", async () => {
    const stop = new AbortController();
    const running = run({ command: ["cat"] }, silence(), stop.signal);
    setTimeout(() => stop.abort(), 50);
    await assert.rejects(running);
    const source = loom.application.exec.exec(
      CALLER,
      request({ command: ["cat"] }),
      silence(),
      new AbortController().signal,
    );
    for await (const one of source) if (one.kind === "started") break;
  });

  it("a hundred at a time for a tenant, and no more", async () => {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    let started = 0;
    const many = Array.from({ length: 100 }, async () => {
      const source = loom.application.exec.exec(CALLER, request({ command: ["cat"] }), silence(), stop.signal);
      for await (const one of source) if (one.kind === "started") started += 1;
    });
    const ends = Promise.allSettled(many);
    await until("all of them run", () => started === 100);
    await refused("TOO_MANY_SESSIONS", /100 commands are open/, run());
    stop.abort();
    await ends;
    assert.deepEqual((await run()).at(-1), { kind: "end", exitCode: 0 });
  });

  it("tells that its provisioner was lost, and that there is none", async () => {
    const lost = run({ command: ["cat"] }, silence());
    const rejected = refused("WORKER_LOST", /The provisioner was (lost|stopped), and with it the command/, lost);
    await until("it runs", async () => {
      const { items } = await loom.application.events.list(CALLER, cluster, { pageSize: 1, pageToken: "" });
      return items[0]?.message.includes("cat") === true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await loom.restart({ provisioner: false });
    await rejected;
    await refused("PROVIDER_UNREACHABLE", /No provisioner that serves simulated/, run());
    await loom.restart();
    assert.deepEqual((await run()).at(-1), { kind: "end", exitCode: 0 });
  });

  it("refuses nodes of clusters that are gone", async () => {
    const { number } = await (async () => {
      const job = await loom.application.clusters.delete(CALLER, cluster, mutation());
      return { number: Number(job.number) };
    })();
    await loom.ended(cluster, number);
    await refused("CLUSTER_STATE", /TERMINATED/, run());
  });
});
