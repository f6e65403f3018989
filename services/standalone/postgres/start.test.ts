import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  cpSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../../test/support/wait.js";
import { skipBecause } from "../../../tools/mocha-summary/skip.js";
import type { LoomError } from "../../common/errors.js";
import { silentLogger } from "../../common/log.js";
import { clientConfig, openDatabase } from "../../server/store/database.js";
import { packagedBinaries } from "./binaries.js";
import { argumentsOf, childrenOf, isRunning } from "./process.js";
import { startPostgres, type PostgresOptions, type RunningPostgres } from "./start.js";

const root = process.getuid!() === 0;

describe("embedded PostgreSQL", function () {
  this.timeout(120_000);
  let base: string;
  let started: RunningPostgres[] = [];
  let children: ChildProcess[] = [];

  const start = async (folder: string, options: Partial<PostgresOptions> = {}): Promise<RunningPostgres> => {
    const postgres = await startPostgres({ folder, log: silentLogger, ...options });
    started.push(postgres);
    return postgres;
  };
  const query = async <T>(postgres: RunningPostgres, text: string): Promise<T[]> => {
    const database = await openDatabase(postgres.connection);
    return (await database.pool.query(text).finally(() => database.close())).rows as T[];
  };
  /** A process of its own, in a group of its own, that starts the database and waits. */
  const startElsewhere = async (folder: string): Promise<ChildProcess> => {
    const script = `
      const { startPostgres } = await import(${JSON.stringify(new URL("./start.ts", import.meta.url).href)});
      const { silentLogger } = await import(${JSON.stringify(new URL("../../common/log.ts", import.meta.url).href)});
      console.log("begin");
      const { pid } = await startPostgres({ folder: ${JSON.stringify(folder)}, log: silentLogger });
      console.log("pid " + pid);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    return child;
  };
  const say = async (child: ChildProcess, pattern: RegExp): Promise<string> => {
    let text = "";
    for await (const part of child.stdout!) {
      text += String(part);
      const match = pattern.exec(text);
      if (match !== null) return match[1] ?? "";
    }
    throw new Error(`the process ended after: ${text}`);
  };
  const killGroup = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(-child.pid!, "SIGKILL");
    await ended;
  };

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "loom-pg-"));
    if (root) chmodSync(base, 0o711);
  });
  afterEach(async () => {
    await Promise.all(children.map(killGroup));
    await Promise.all(started.map((postgres) => postgres.stop()));
    started = [];
    children = [];
    rmSync(base, { recursive: true, force: true });
  });

  it("is safe, private, and keeps its data", async () => {
    const postgres = await start(base);
    const database = await openDatabase(postgres.connection);
    const show = async (name: string): Promise<string> =>
      (await database.pool.query<{ value: string }>("SELECT current_setting($1) AS value", [name])).rows[0]!.value;
    const expected = {
      fsync: "on",
      synchronous_commit: "on",
      full_page_writes: "on",
      data_checksums: "on",
      listen_addresses: "",
      server_encoding: "UTF8",
      TimeZone: "UTC",
      jit: "off",
      password_encryption: "scram-sha-256",
      lock_timeout: "1s",
      idle_in_transaction_session_timeout: "2s",
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(await show(name), value, name);
    assert.equal(
      (await database.pool.query("SELECT datcollate FROM pg_database WHERE datname = current_database()")).rows[0]
        .datcollate,
      "C",
    );
    await database.pool.query("CREATE TABLE kept (id INT4)");
    await database.close();

    for (const part of ["password", "data", "log", "run"])
      assert.equal(statSync(join(base, "postgres", part)).mode & 0o077, 0, part);
    assert.equal(clientConfig(postgres.connection).password, readFileSync(join(base, "postgres", "password"), "utf8"));
    await assert.rejects(openDatabase({ ...postgres.connection, password: "wrong" }));

    const processes = [postgres.pid, ...childrenOf(postgres.pid)];
    assert.ok(processes.length > 1);
    await postgres.stop();
    assert.deepEqual(processes.filter(isRunning), []);
    await postgres.ended;
    const again = await start(base);
    assert.equal(again.adopted, false);
    assert.deepEqual(await query(again, "SELECT * FROM kept"), []);
  });

  it("outlives a kill of its starter's process group and is adopted", async () => {
    const starter = await startElsewhere(base);
    const pid = Number(await say(starter, /pid (\d+)/));
    await killGroup(starter);
    const postgres = await start(base);
    assert.deepEqual([postgres.pid, postgres.adopted], [pid, true]);
    assert.deepEqual(await query(postgres, "SELECT 1 AS one"), [{ one: 1 }]);
    await postgres.stop();
    assert.equal(isRunning(pid), false);
  });

  it("replaces a leftover process that does not answer", async () => {
    const before = await start(base);
    process.kill(before.pid, "SIGSTOP");
    const postgres = await start(base);
    assert.notEqual(postgres.pid, before.pid);
    assert.equal(isRunning(before.pid), false);
    assert.deepEqual(await query(postgres, "SELECT 1 AS one"), [{ one: 1 }]);
  });

  it("starts after its process was killed, and says that it ended", async () => {
    const before = await start(base);
    process.kill(before.pid, "SIGKILL");
    const postgres = await start(base);
    assert.equal(postgres.adopted, false);
    await before.ended;
    assert.deepEqual(await query(postgres, "SELECT 1 AS one"), [{ one: 1 }]);
  });

  it("does not mistake another process for a leftover one", async () => {
    const before = await start(base);
    const file = join(base, "postgres", "data", "postmaster.pid");
    const lines = readFileSync(file, "utf8").split("\n");
    await before.stop();
    // The id of a living process of the same user, as after a restart of the machine.
    const other = spawn("sleep", ["1000"], {
      detached: true,
      ...(root ? { uid: statSync(join(base, "postgres")).uid } : {}),
    });
    children.push(other);
    const lock = join(base, "postgres", "run", ".s.PGSQL.5432.lock");
    for (const path of [file, lock]) writeFileSync(path, [String(other.pid), ...lines.slice(1)].join("\n"));
    const postgres = await start(base);
    assert.equal(postgres.adopted, false);
    assert.ok(isRunning(other.pid!), "the other process is left alone");
  });

  it("begins anew where its making was interrupted", async () => {
    const starter = await startElsewhere(base);
    const folder = join(base, "postgres");
    await until("initdb", () => existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("data.new-")));
    await killGroup(starter);
    assert.ok(!existsSync(join(folder, "data")));
    const postgres = await start(base);
    assert.deepEqual(await query(postgres, "SELECT 1 AS one"), [{ one: 1 }]);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("data")),
      ["data"],
    );
  });

  it("keeps its socket elsewhere where the path is too long for one", async () => {
    const folder = join(base, "x".repeat(60), "y".repeat(60));
    const starter = await startElsewhere(folder);
    const pid = Number(await say(starter, /pid (\d+)/));
    await killGroup(starter);
    const postgres = await start(folder);
    assert.deepEqual([postgres.pid, postgres.adopted], [pid, true]);
    assert.ok(postgres.connection.host.length < 80);
    assert.equal(statSync(postgres.connection.host).mode & 0o777, 0o700);
    assert.deepEqual(await query(postgres, "SELECT 1 AS one"), [{ one: 1 }]);
    await postgres.stop();
    assert.ok(!existsSync(postgres.connection.host));
  });

  it("stops whatever state it is in", async () => {
    const postgres = await start(base, { stopDeadlines: { fast: 500, immediate: 500 } });
    const database = await openDatabase(postgres.connection, { onConnectionLost: () => undefined });
    const busy = database.pool.query("SELECT pg_sleep(1000)").catch(() => undefined);
    await until("a busy session", () =>
      childrenOf(postgres.pid).some((pid) => argumentsOf(pid)[0]?.includes("SELECT") === true),
    );
    const processes = [postgres.pid, ...childrenOf(postgres.pid)];
    for (const pid of processes) process.kill(pid, "SIGSTOP");
    await postgres.stop();
    assert.deepEqual(processes.filter(isRunning), []);
    await busy;
    await database.close();
  });

  it("makes the links its package lacks where install scripts did not run", async () => {
    const native = join(base, "package", "native");
    cpSync(packagedBinaries(), native, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith(".a") && !lstatSync(path).isSymbolicLink(),
    });
    const postgres = await start(base, { native });
    assert.equal(argumentsOf(postgres.pid)[0], join(native, "bin", "postgres"));
  });

  it("runs as whoever the data folder belongs to, where root starts it", async function () {
    if (!root) return skipBecause(this, "only root can run it as another user");
    const folder = join(base, "theirs");
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 65534, 65534); // nobody
    const postgres = await start(folder);
    assert.equal(statSync(`/proc/${postgres.pid}`).uid, 65534);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it("runs from a copy where its user cannot reach the package", async function () {
    if (!root) return skipBecause(this, "only root's database runs as another user");
    const hidden = join(base, "hidden");
    mkdirSync(hidden, { mode: 0o700 });
    symlinkSync(packagedBinaries(), join(hidden, "native"));
    const postgres = await start(base, { native: join(hidden, "native") });
    assert.match(argumentsOf(postgres.pid)[0]!, /\/postgres\/pgsql-18\.\d+\/bin\/postgres$/);
    assert.notEqual(statSync(`/proc/${postgres.pid}`).uid, 0);
  });

  describe("refuses", () => {
    const refuses = (folder: string, expected: { reason: string; message: RegExp }) =>
      assert.rejects(start(folder), (thrown: LoomError) => {
        assert.equal(
          thrown.reason,
          expected.reason,
          thrown.cause instanceof Error ? thrown.cause.message : thrown.message,
        );
        assert.match(thrown.message, expected.message);
        return true;
      });

    it("a database of another major version", async () => {
      await (await start(base)).stop();
      writeFileSync(join(base, "postgres", "data", "PG_VERSION"), "17\n");
      await refuses(base, { reason: "FOLDER_UNUSABLE", message: /PostgreSQL 17.*PostgreSQL 18/ });
    });

    it("a folder without the password of its database", async () => {
      await (await start(base)).stop();
      rmSync(join(base, "postgres", "password"));
      await refuses(base, { reason: "FOLDER_UNUSABLE", message: /password is missing/ });
    });

    it("a file in place of a folder", async () => {
      writeFileSync(join(base, "file"), "");
      await refuses(join(base, "file"), { reason: "FOLDER_UNUSABLE", message: /is a file/ });
      await refuses(join(base, "file", "below"), { reason: "FOLDER_UNUSABLE", message: /is a file/ });
    });

    it("a full disk, and goes on when there is room", async function () {
      if (
        spawnSync("mount", ["-t", "tmpfs", "-o", "size=20m,mode=711", "tmpfs", base], { stdio: "ignore" }).status !== 0
      )
        return skipBecause(this, "this user cannot mount a small file system");
      try {
        await refuses(base, { reason: "DISK_FULL", message: /Make room/ });
        spawnSync("mount", ["-o", "remount,size=100m", base]);
        const postgres = await start(base);
        assert.deepEqual(await query(postgres, "SELECT 1 AS one"), [{ one: 1 }]);
        await postgres.stop();
        spawnSync("dd", ["if=/dev/zero", `of=${join(base, "fill")}`, "bs=1M"], { stdio: "ignore" });
        await refuses(base, { reason: "DISK_FULL", message: /Make room/ });
        rmSync(join(base, "fill"));
        assert.deepEqual(await query(await start(base), "SELECT 1 AS one"), [{ one: 1 }]);
      } finally {
        await Promise.all(started.map((postgres) => postgres.stop()));
        spawnSync("umount", [base]);
      }
    });

    it("a folder it may not write", async () => {
      // What root may not write: the kernel's own file system.
      if (root) return refuses("/sys/loom", { reason: "FOLDER_UNUSABLE", message: /may not write|read-only/ });
      chmodSync(base, 0o500);
      await refuses(base, { reason: "FOLDER_UNUSABLE", message: /may not write/ });
      chmodSync(base, 0o700);
    });

    it("a folder its user cannot reach", async function () {
      if (!root) return skipBecause(this, "only root's database runs as another user");
      mkdirSync(join(base, "hidden"), { mode: 0o700 });
      await refuses(join(base, "hidden", "data"), { reason: "FOLDER_UNUSABLE", message: /cannot reach/ });
    });
  });
});
