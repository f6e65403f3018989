/**
 * `loom exec` and `loom ssh` through the built Loom, on the nodes of the farm that it starts with; the same for every
 * provider. Commands on nodes are seen from this machine: nodes of both providers are processes of it.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import type { LoomProcess } from "./loom-process.js";
import { until } from "./wait.js";

const LOOM = fileURLToPath(new URL("../../bin/loom", import.meta.url));
const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Processes on this machine that run `sleep` for so long. */
function sleepers(seconds: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8") === `sleep\0${seconds}\0`;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resident memory of a process in bytes. */
function memory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

interface Ended {
  readonly code: number;
  readonly out: Buffer;
  readonly err: string;
}

/** @param loom is up with its farm hello: lb on 1000, web on 1001 to 1003; the last test restarts it */
export function describeExec(loom: () => LoomProcess): void {
  function start(...args: string[]): ChildProcess {
    return spawn(LOOM, args, { env: loom().env, stdio: ["pipe", "pipe", "pipe"] });
  }
  async function ended(child: ChildProcess, input: string | Uint8Array = ""): Promise<Ended> {
    const out: Buffer[] = [];
    let err = "";
    child.stdout!.on("data", (bytes: Buffer) => out.push(bytes));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.stdin!.on("error", () => undefined);
    child.stdin!.end(input);
    const code = await new Promise<number>((resolve) =>
      child.once("close", (exit, signal) => resolve(exit ?? (signal === null ? -1 : -2))),
    );
    return { code, out: Buffer.concat(out), err };
  }
  const run = (args: readonly string[], input?: string | Uint8Array): Promise<Ended> => ended(start(...args), input);
  const exec = (node: string, ...command: string[]): Promise<Ended> => run(["exec", "hello", node, "--", ...command]);
  /** How long a sleep lasts; no two are alike, so that each can be found. */
  const unique = (): string => `86400.${Math.floor(Math.random() * 1e9)}`;

  it("the exit code, standard output and standard error are those of the command", async () => {
    const { code, out, err } = await exec(
      "1000",
      "sh",
      "-c",
      'printf "%s|" "$@"; echo bad >&2; exit 7',
      "sh",
      "a  b",
      "",
    );
    assert.deepEqual([code, out.toString(), err], [7, "a  b||", "bad\n"]);
    assert.equal((await exec("1000", "true")).code, 0);
    assert.equal((await exec("1000", "no-such-program")).code, 127);
    assert.equal((await exec("1000", "sh", "-c", "kill -9 $$")).code, 137);
  });

  it("failures of Loom itself end with 255, and say what is wrong", async () => {
    for (const [exit, args, words] of [
      [255, ["exec", "hello", "4711", "--", "true"], /no node and no service "4711"/],
      [255, ["exec", "hello", "wbe", "--", "true"], /Did you mean "web"\?/],
      [255, ["exec", "nobody", "1000", "--", "true"], /No live cluster is called "nobody"/],
      [2, ["exec", "hello", "1000", "--env", "A B=1", "--", "true"], /sets nothing/],
    ] as const) {
      const { code, err } = await run(args);
      assert.equal(code, exit, err);
      assert.match(err, words);
    }
  });

  it("megabytes pass unharmed, both ways", async () => {
    const bytes = randomBytes(4_000_000);
    const { code, out, err } = await run(["exec", "hello", "1001", "--", "cat"], bytes);
    assert.equal(code, 0, err);
    assert.equal(digest(out), digest(bytes));
  });

  it("sets variables, beside those that say where it is", async () => {
    const { out } = await run([
      "exec",
      "hello",
      "1001",
      "--env",
      'GREETING=it\'s "so"',
      "--",
      "sh",
      "-c",
      'echo "$LOOM_NODE $LOOM_SERVICES $GREETING"',
    ]);
    assert.equal(out.toString(), '1001 web it\'s "so"\n');
  });

  it("on the nodes of a service each line says where it comes from; one that fails is told", async () => {
    const { code, out, err } = await exec("web", "sh", "-c", 'echo one; printf two; [ "$LOOM_NODE" != 1002 ]');
    assert.equal(code, 1);
    const lines = out.toString().trimEnd().split("\n").sort();
    assert.deepEqual(
      lines,
      ["1001", "1002", "1003"].flatMap((node) => [`${node} | one`, `${node} | two`]),
    );
    assert.equal(err, "Failed on 1 of 3 nodes: 1002 (exit code 1)\n");
  });

  it("an input goes to all nodes where it is asked to", async () => {
    const { code, out, err } = await run(
      ["exec", "hello", "--all", "--stdin", "--parallel", "2", "--", "sh"],
      "echo on $LOOM_NODE\n",
    );
    assert.equal(code, 0, err);
    const lines = out.toString().trimEnd().split("\n").sort();
    assert.deepEqual(
      lines,
      ["1000", "1001", "1002", "1003"].map((node) => `${node} | on ${node}`),
    );
  });

  it("a shell takes its commands from a pipe", async () => {
    const { code, out, err } = await run(["ssh", "hello", "1000"], "echo shell on $LOOM_NODE\nexit 6\n");
    assert.deepEqual([code, out.toString()], [6, "shell on 1000\n"], err);
  });

  it("a terminal has the size of this one, and its exit code is passed on", function () {
    if (!existsSync("/usr/bin/script")) return skipBecause(this, "there is no script(1)");
    const command = `stty columns 91 rows 33; exec ${LOOM} exec hello 1000 --tty -- sh -c 'tty; stty size; echo $TERM; exit 4'`;
    const { status, stdout } = spawnSync("/usr/bin/script", ["-qec", command, "/dev/null"], {
      env: { ...loom().env, TERM: "vt220" },
      encoding: "utf8",
      input: "",
    });
    // The outer terminal shows the end of its own input, somewhere between.
    assert.match(stdout.replace("^@", ""), /\/dev\/pts\/\d+\s+33 91\s+vt220\s*$/);
    assert.equal(status, 4);
  });

  it("Ctrl-C ends the command, and loom with 130", async () => {
    const seconds = unique();
    const child = start("exec", "hello", "1000", "--", "sleep", seconds);
    const end = ended(child);
    await until("the command runs", () => sleepers(seconds).length === 1);
    child.kill("SIGINT");
    assert.equal((await end).code, 130);
    await until("the command is gone", () => sleepers(seconds).length === 0);
  });

  it("--timeout ends the command, with 124", async () => {
    const seconds = unique();
    const { code } = await run(["exec", "hello", "1000", "--timeout", "2s", "--", "sleep", seconds]);
    assert.equal(code, 124);
    await until("the command is gone", () => sleepers(seconds).length === 0);
  });

  it("the command ends where loom is killed, with all it has started, with a terminal and without", async () => {
    for (const flags of [[], ["--tty"]]) {
      const seconds = unique();
      const child = start(
        "exec",
        "hello",
        "1000",
        ...flags,
        "--",
        "sh",
        "-c",
        `trap "" HUP; sleep ${seconds} & wait; sleep ${seconds}`,
      );
      await until("the command runs", () => sleepers(seconds).length === 1);
      child.kill("SIGKILL");
      await until("the command is gone", () => sleepers(seconds).length === 0);
    }
  });

  it("a reader that does not read fills no memory anywhere", async () => {
    const child = start("exec", "hello", "1001", "--", "head", "-c", "100000000", "/dev/zero");
    child.stdin!.end();
    child.stdout!.pause();
    const before = memory(loom().pid);
    await until("something has come", () => child.stdout!.readableLength > 0 || child.stdout!.read(1) !== null);
    for (let i = 0; i < 15; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.ok(memory(loom().pid) - before < 60_000_000, `Loom has grown by ${memory(loom().pid) - before}`);
      assert.ok(memory(child.pid!) < 200_000_000, `loom has ${memory(child.pid!)}`);
    }
    let bytes = 0;
    child.stdout!.on("data", (chunk: Buffer) => (bytes += chunk.length));
    child.stdout!.resume();
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.equal(code, 0);
    assert.ok(bytes >= 99_999_999 && bytes <= 100_000_000, String(bytes));
  });

  it("who ran what where is kept, without arguments", async () => {
    const secret = randomUUID();
    await exec("1002", "echo", secret, secret);
    const { events } = await loom().json<{ events: { reason: string; message: string; actor: string }[] }>(
      "events",
      "hello",
    );
    const last = events.filter(({ reason }) => reason === "SESSION_OPENED").at(-1)!;
    assert.deepEqual([last.message, last.actor], ["On node 1002: echo with 2 arguments.", "admin"]);
    assert.doesNotMatch(JSON.stringify(events), new RegExp(secret));
  });

  it("the command ends where Loom is killed, loom says so, and a Loom that is started again runs others", async () => {
    const seconds = [unique(), unique()] as const;
    const plain = start("exec", "hello", "1000", "--", "sleep", seconds[0]);
    const atTerminal = start("exec", "hello", "1000", "--tty", "--", "sleep", seconds[1]);
    const ends = [ended(plain), ended(atTerminal)];
    await until("both commands run", () => seconds.every((each) => sleepers(each).length === 1));
    await loom().signal("SIGKILL");
    for (const { code, err } of await Promise.all(ends)) {
      assert.equal(code, 255);
      assert.match(err, /The connection to Loom was lost/);
    }
    await until("both commands are gone", () => seconds.every((each) => sleepers(each).length === 0));
    await loom().up();
    assert.equal((await exec("1000", "true")).code, 0);
  });
}
