/** `loom exec` and `loom ssh` at a terminal, against a Loom that speaks HTTP/2 as the real one does. */
import assert from "node:assert/strict";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createListener, type HttpHandler } from "../../gateway/listener.js";
import { ClusterService } from "../../gen/web/loom/v1/cluster_pb.js";
import { ExecService, type ExecRequest } from "../../gen/web/loom/v1/exec_pb.js";
import { refusal } from "./fake-loom.js";
import { activeCluster, nodes } from "./sample.js";
import { start, type Ran } from "./use-cli.js";
import type { FakeTerminal, FakeTerminalOptions } from "./fake-terminal.js";

type Exec = ServiceImpl<typeof ExecService>["exec"];
type Body = ExecRequest["body"];

describe("cli: exec and ssh", () => {
  /** Runs one command line; what was sent stands in `sent`. */
  async function run(
    exec: Exec,
    argv: readonly string[],
    options: FakeTerminalOptions = {},
    meanwhile?: (terminal: FakeTerminal) => Promise<void>,
  ): Promise<Ran & { readonly terminal: FakeTerminal }> {
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(ClusterService, {
          listClusters: () => ({ clusters: [activeCluster()] }),
          listNodes: () => ({ nodes: nodes() }),
        });
        router.service(ExecService, { exec });
      },
    }) as HttpHandler;
    const listener = createListener(handler, undefined);
    const { port } = await listener.start({ host: "127.0.0.1", port: 0 });
    try {
      const env = { LOOM_URL: `http://127.0.0.1:${port}`, LOOM_TOKEN: "t", TERM: "vt220", ...options.env };
      const { terminal, ended } = start(argv, { ...options, env });
      await meanwhile?.(terminal);
      return { ...(await ended), terminal };
    } finally {
      await listener.stop(0);
    }
  }
  const printed = (value: string) => ({ body: { case: "stdout" as const, value: Buffer.from(value) } });
  const end = (exitCode: number) => ({ body: { case: "end" as const, value: { exitCode } } });
  const started = { body: { case: "started" as const, value: {} } };

  it("at a terminal every key is handed on, sizes are told, and the terminal is as before at the end", async () => {
    const sent: Body[] = [];
    const exec: Exec = async function* (requests) {
      for await (const { body } of requests) {
        sent.push(body);
        if (body.case === "start") yield printed("ready");
        if (body.case === "resize") {
          yield end(5);
          return;
        }
      }
    };
    const { exit, out, terminal } = await run(
      exec,
      ["ssh", "hello", "1000"],
      { tty: true, columns: 91, rows: 33 },
      async (screen) => {
        await screen.until(/ready/);
        assert.deepEqual(screen.raw, [true]);
        screen.resize(120, 40);
      },
    );
    assert.deepEqual([exit, out], [5, "ready"]);
    assert.deepEqual(terminal.raw, [true, false]);
    const first = sent[0]!;
    assert.ok(first.case === "start");
    assert.deepEqual(
      [first.value.node, first.value.command, first.value.terminal?.type, first.value.terminal?.size?.columns],
      ["clusters/hello-1/nodes/1000", [], "vt220", 91],
    );
    assert.deepEqual(
      sent.filter(({ case: kind }) => kind === "resize").map(({ value }) => (value as { columns: number }).columns),
      [120],
    );
  });

  it("a pipe is passed on, and its end", async () => {
    const sent: string[] = [];
    const exec: Exec = async function* (requests) {
      for await (const { body } of requests) {
        sent.push(body.case === "stdin" ? Buffer.from(body.value).toString() : String(body.case));
        if (body.case === "inputEnd") yield end(0);
      }
    };
    assert.equal((await run(exec, ["exec", "hello", "1000", "--", "cat"], { input: "text" })).exit, 0);
    assert.deepEqual(sent, ["start", "text", "inputEnd"]);
    sent.length = 0;
    assert.equal((await run(exec, ["exec", "hello", "1000", "--no-stdin", "--", "cat"], { input: "text" })).exit, 0);
    assert.deepEqual(sent, ["start", "inputEnd"]);
  });

  it("Ctrl-C is a signal for the command, and what it prints then is shown", async () => {
    const exec: Exec = async function* (requests) {
      yield started;
      yield printed("up ");
      for await (const { body } of requests)
        if (body.case === "signal") {
          yield printed(`caught ${body.value.name}`);
          yield end(0);
          return;
        }
    };
    const { exit, out } = await run(exec, ["exec", "hello", "1000", "--", "serve"], {}, async (terminal) => {
      await terminal.until(/up/);
      terminal.interrupt();
    });
    assert.deepEqual([exit, out], [130, "up caught INT"]);
  });

  it("what comes from several nodes cannot move the cursor of a terminal", async () => {
    const exec: Exec = async function* () {
      yield printed("a\u001b[2Jb\nc");
      yield end(0);
    };
    const tty = await run(exec, ["exec", "hello", "web", "--color", "never", "--", "x"], { tty: true });
    assert.match(tty.out, /^1001 \| ab\n1001 \| c$/m);
    const piped = await run(exec, ["exec", "hello", "web", "--", "x"], { input: "" });
    assert.ok(piped.out.includes("1001 | a\u001b[2Jb\n"));
  });

  it("failures of Loom end with 255 and its words; several nodes with 1", async () => {
    const exec: Exec = () => {
      throw refusal("MACHINE_MISSING", "It is gone.");
    };
    const one = await run(exec, ["exec", "hello", "1000", "--", "x"]);
    assert.equal(one.exit, 255);
    assert.match(one.err, /error: It is gone\.[^]*reason MACHINE_MISSING/);
    const many = await run(exec, ["exec", "hello", "web", "--", "x"]);
    assert.equal(many.exit, 1);
    assert.match(many.err, /1001 \| It is gone\.[^]*Failed on 3 of 3 nodes: 1001 \(exit code 255\)/);
  });

  it("says what is missing", async () => {
    const exec: Exec = () => {
      throw refusal("INTERNAL", "Nothing is run.");
    };
    for (const [argv, words] of [
      [["exec", "hello"], /not said on which node/],
      [["exec", "hello", "1000"], /not said what to run/],
      [["exec", "hello", "--all", "--tty", "--", "x"], /A terminal is for one node/],
    ] as const) {
      const { exit, err } = await run(exec, argv);
      assert.ok(exit === 2 || exit === 255, String(exit));
      assert.match(err, words);
    }
  });
});
