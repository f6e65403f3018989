/** Commands that are talked to, on this machine, with real processes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../../../test/support/wait.js";
import { skipBecause } from "../../../tools/mocha-summary/skip.js";
import type { OpenCommand, OpenOptions } from "../automators/channel.js";
import { quoted, spawnLocal } from "../providers/local/spawn.js";
import { openGuarded } from "./guard.js";

const HAS_SCRIPT = ["/usr/bin/script", "/bin/script"].some((path) => existsSync(path));

describe("commands that are talked to", function () {
  this.timeout(30_000);
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "loom-session-"))));
  after(() => rmSync(folder, { recursive: true }));

  interface Run {
    readonly command: OpenCommand;
    readonly out: () => Buffer;
    readonly err: () => Buffer;
    readonly stop: () => void;
  }

  async function open(argv: readonly string[], options: Partial<OpenOptions> = {}): Promise<Run> {
    const printed = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
    const abort = new AbortController();
    const command = await openGuarded(
      (words, how) => spawnLocal(words, folder, { PATH: process.env["PATH"]! }, how),
      argv,
      {
        env: {},
        terminal: undefined,
        signal: abort.signal,
        onOutput: (stream, bytes) => void printed[stream].push(Uint8Array.from(bytes)),
        ...options,
      },
    );
    return {
      command,
      out: () => Buffer.concat(printed.stdout),
      err: () => Buffer.concat(printed.stderr),
      stop: () => abort.abort(),
    };
  }

  const isAlive = (pid: number): boolean => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  };
  const pidIn = async (file: string): Promise<number> => {
    await until(`${file} is there`, () => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"));
    return Number(readFileSync(file, "utf8"));
  };

  it("gives the exit code, and keeps output and errors apart", async () => {
    const { command, out, err } = await open(["/bin/sh", "-c", 'echo "$1"; echo bad >&2; exit 7', "sh", "a  b"]);
    assert.deepEqual(await command.ended, { exitCode: 7 });
    assert.equal(out().toString(), "a  b\n");
    assert.equal(err().toString(), "bad\n");
  });

  it("tells a signal and a program that is not there as shells do", async () => {
    assert.deepEqual(await (await open(["/bin/sh", "-c", "kill -9 $$"])).command.ended, { exitCode: 137 });
    assert.deepEqual(await (await open(["no-such-program"])).command.ended, { exitCode: 127 });
  });

  it("passes bytes as they are, both ways", async () => {
    const bytes = randomBytes(3_000_000);
    const { command, out } = await open(["cat"]);
    for (let at = 0; at < bytes.length; at += 65_536) await command.write(bytes.subarray(at, at + 65_536));
    command.end();
    await command.ended;
    const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
    assert.equal(digest(out()), digest(bytes));
  });

  it("waits for who takes the output", async () => {
    let taken = 0;
    let waiting = 0;
    let release: (() => void) | undefined;
    const { command } = await open(["head", "-c", "20000000", "/dev/zero"], {
      onOutput: (_, bytes) => {
        taken += bytes.length;
        waiting += 1;
        return new Promise((resolve) => {
          release = () => {
            waiting -= 1;
            resolve();
          };
        });
      },
    });
    await until("the first piece is there", () => waiting === 1);
    // Nothing more is read while the first piece is not taken, however long that is.
    const first = taken;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(taken, first);
    const drain = setInterval(() => release?.(), 0);
    await command.ended;
    clearInterval(drain);
    assert.equal(taken, 20_000_000);
  });

  it("is ended with all it has started when its caller stops it, also where it ignores signals", async () => {
    const file = join(folder, "stubborn");
    const { command, stop } = await open([
      "/bin/sh",
      "-c",
      `trap "" INT HUP TERM; sleep 1000 & echo $! >${quoted(file)}; wait; sleep 1000`,
    ]);
    const pid = await pidIn(file);
    stop();
    assert.deepEqual(await command.ended, { exitCode: 137 });
    await until("its child is gone", () => !isAlive(pid));
  });

  it("may leave a daemon behind", async () => {
    const file = join(folder, "daemon");
    const { command } = await open([
      "/bin/sh",
      "-c",
      `setsid sh -c 'echo $$ >${quoted(file)}; exec sleep 1000' >/dev/null 2>&1 &`,
    ]);
    assert.deepEqual(await command.ended, { exitCode: 0 });
    const pid = await pidIn(file);
    assert.ok(isAlive(pid));
    process.kill(pid);
  });

  it("does not wait for who holds its output open", async () => {
    const file = join(folder, "holder");
    const { command, out } = await open(["/bin/sh", "-c", `sleep 1000 & echo $! >${quoted(file)}; echo done`]);
    assert.deepEqual(await command.ended, { exitCode: 0 });
    assert.equal(out().toString(), "done\n");
    process.kill(await pidIn(file));
  });

  it("gets signals, with what it has started", async () => {
    const { command, out } = await open([
      "/bin/sh",
      "-c",
      'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done',
    ]);
    await until("it is ready", () => out().includes("ready"));
    command.kill("INT");
    assert.deepEqual(await command.ended, { exitCode: 3 });
    assert.match(out().toString(), /caught/);
  });

  it("ends where the process that talks to it is killed", async () => {
    const file = join(folder, "orphan");
    const here = fileURLToPath(new URL("./", import.meta.url));
    const program = join(folder, "holder.mts");
    writeFileSync(
      program,
      `import { openGuarded } from ${JSON.stringify(`${here}guard.js`)};
       import { spawnLocal } from ${JSON.stringify(`${here}../providers/local/spawn.js`)};
       await openGuarded((words, how) => spawnLocal(words, ${JSON.stringify(folder)}, { PATH: process.env.PATH }, how),
         ["/bin/sh", "-c", 'echo $$ >${file}; exec sleep 1000'],
         { env: {}, terminal: undefined, signal: new AbortController().signal, onOutput: () => undefined });
       setInterval(() => {}, 1000);`,
    );
    const holder = spawn(process.execPath, ["--import", "tsx", program], { cwd: here, stdio: "inherit" });
    const pid = await pidIn(file);
    assert.ok(isAlive(pid));
    holder.kill("SIGKILL");
    await once(holder, "close");
    await until("the command is gone", () => !isAlive(pid));
  });

  describe("at a terminal", () => {
    before(function () {
      if (!HAS_SCRIPT) skipBecause(this, "there is no script(1)");
    });
    const terminal = { columns: 91, rows: 33 };

    it("has the size that it was given, and the one that it is given later", async () => {
      const { command, out } = await open(
        [
          "/bin/sh",
          "-c",
          'stty size; until [ "$(stty size)" = "40 120" ]; do sleep 0.05; done; read -r line; stty size; exit 4',
        ],
        {
          terminal,
        },
      );
      await until("the first size is there", () => out().includes("33 91"));
      command.resize({ columns: 120, rows: 40 });
      await command.write(Buffer.from("\r"));
      assert.deepEqual(await command.ended, { exitCode: 4 });
      assert.match(out().toString(), /40 120/);
    });

    it("echoes what is typed, ends its input, and Ctrl-C interrupts", async () => {
      const cat = await open(["cat"], { terminal });
      await cat.command.write(Buffer.from("hello\r"));
      await until("the line is there twice", () => cat.out().toString().split("hello").length === 3);
      cat.command.end();
      assert.deepEqual(await cat.command.ended, { exitCode: 0 });

      const sleep = await open(["/bin/sh", "-c", "echo ready; sleep 1000"], { terminal });
      await until("it is ready", () => sleep.out().includes("ready"));
      await sleep.command.write(Buffer.from("\u0003"));
      assert.deepEqual(await sleep.command.ended, { exitCode: 130 });
    });

    it("runs a shell where no command is named", async () => {
      const { command, out } = await open([], { terminal, env: { PS1: "> ", TERM: "dumb" } });
      await command.write(Buffer.from("echo $((6 * 7)); exit 9\r"));
      assert.deepEqual(await command.ended, { exitCode: 9 });
      assert.match(out().toString(), /^42/m);
    });

    it("is ended with its caller", async () => {
      const file = join(folder, "tty");
      const { command, stop } = await open(["/bin/sh", "-c", `echo $$ >${quoted(file)}; sleep 1000`], { terminal });
      const pid = await pidIn(file);
      stop();
      await command.ended;
      await until("it is gone", () => !isAlive(pid));
    });
  });
});
