import { strict as assert } from "node:assert";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createNodeHome, isRunning, type NodeHome, type Started } from "../../../test/support/node-home.js";
import { until } from "../../../test/support/wait.js";

describe("loom-init and loom-service", function () {
  this.timeout(60_000);
  let node: NodeHome;
  let init: Started;
  beforeEach(async () => {
    node = createNodeHome();
    await switchOn();
  });
  afterEach(() => node.dispose());

  async function switchOn(): Promise<void> {
    init = node.start("loom-init", []);
    await until("loom-init is ready", () => node.read("run/init").startsWith(`${init.child.pid} `));
  }
  async function switchOff(): Promise<void> {
    process.kill(-init.child.pid!, "SIGKILL");
    await init.ended;
  }
  const service = (...args: string[]) => node.run("loom-service", args);
  const pidOf = (name: string) => Number(node.read(`services/${name}/pid`).split(" ")[0]);
  const isUp = async (name: string) => (await service("status", name)).code === 0;
  /** A service that notes each start and stays. */
  const STAYS = ["sh", "-c", "echo $$ >>starts; exec sleep 1000"];
  const starts = () =>
    node
      .read("starts")
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);

  it("starts a service with its words, environment and folder, and stops it", async () => {
    mkdirSync(join(node.home, "some where"));
    const words = ["it's", 'a "b"', "$HOME", "two\nlines", "", "*", "back\\slash"];
    writeFileSync(
      join(node.home, "show"),
      'pwd >seen; echo "$GREETING" >>seen; for word in "$@"; do echo "[$word]" >>seen; done; exec sleep 1000\n',
    );
    const { code } = await node.run("loom-run", ["1", "1", "1", "1", "start", "60"], {
      input: `cd "some where"; loom-service start odd sh ../show ${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")}`,
      env: { GREETING: "hello\n'you'" },
    });
    assert.equal(code, 0);
    await until("it runs", () => node.read("some where/seen").includes("slash]"));
    assert.equal(
      node.read("some where/seen"),
      `${node.home}/some where\nhello\n'you'\n${words.map((word) => `[${word}]`).join("\n")}\n`,
    );
    const pid = pidOf("odd");
    assert.deepEqual(await service("status", "odd"), { code: 0, stdout: `running ${pid}\n`, stderr: "" });
    assert.equal((await service("stop", "odd")).code, 0);
    assert.ok(!isRunning(pid));
    assert.deepEqual(await service("status", "odd"), { code: 3, stdout: "stopped\n", stderr: "" });
    assert.equal((await service("stop", "odd")).code, 0);
    assert.equal((await service("stop", "never-there")).code, 0);
  });

  it("does nothing when the same service is started again, and changes to another command", async () => {
    await service("start", "a", ...STAYS);
    const pid = pidOf("a");
    assert.equal((await service("start", "a", ...STAYS)).code, 0);
    assert.equal((await service("start", "a")).code, 0);
    assert.equal(pidOf("a"), pid);
    await service("restart", "a");
    await until("it started again", () => starts().length === 2);
    await service("start", "a", "sleep", "2000");
    assert.notEqual(pidOf("a"), starts()[1]);
    assert.ok(await isUp("a"));
    for (const old of starts()) assert.ok(!isRunning(old));
  });

  it("starts one when twenty ask at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => service("start", "a", ...STAYS)));
    assert.deepEqual(
      answers.map(({ code }) => code),
      answers.map(() => 0),
    );
    assert.equal(starts().length, 1);
  });

  it("starts a crashed service again, and says at once when it cannot start", async () => {
    await service("start", "a", ...STAYS);
    process.kill(pidOf("a"), "SIGKILL");
    await until("it started again", () => starts().length === 2);
    await until("it is up", () => isUp("a"));
    const { code, stderr } = await service("start", "bad", "/no/such/command");
    assert.equal(code, 1);
    assert.match(stderr, /ended at once with 127/);
    assert.equal(await isUp("bad"), false);
    assert.equal((await service("stop", "bad")).code, 0);
  });

  it("ends what a crashed service left behind before it starts again", async () => {
    const forks = ["sh", "-c", "sleep 999 & echo $! >>children; echo $$ >>starts; wait"];
    await service("start", "a", ...forks);
    await until("it runs", () => node.read("children") !== "" && starts().length === 1);
    process.kill(starts()[0]!, "SIGKILL");
    await until("it started again", () => starts().length === 2);
    assert.ok(!isRunning(Number(node.read("children").split("\n")[0])));
  });

  it("leaves services of the same name on other nodes of this machine alone", async () => {
    const other = createNodeHome();
    try {
      const otherInit = other.start("loom-init", []);
      await until("the other loom-init is ready", () => other.read("run/init").startsWith(`${otherInit.child.pid} `));
      for (const one of [node, other])
        assert.equal((await one.run("loom-service", ["start", "twin", ...STAYS])).code, 0);
      const pid = Number(other.read("services/twin/pid").split(" ")[0]);
      assert.equal((await service("stop", "twin")).code, 0);
      // Stopping is done when leftovers are gone; a start and another stop make sure of it.
      assert.equal((await service("start", "twin")).code, 0);
      assert.equal((await service("stop", "twin")).code, 0);
      assert.ok(isRunning(pid));
    } finally {
      await other.dispose();
    }
  });

  it("kills a service that ignores TERM", async () => {
    await service("start", "a", "sh", "-c", 'trap "" TERM; echo $$ >>starts; sleep 1000; sleep 1000');
    await until("it runs", () => starts().length === 1);
    assert.equal((await service("stop", "a")).code, 0);
    assert.ok(!isRunning(starts()[0]!));
  });

  it("starts what was enabled when it is switched on again, and nothing else", async () => {
    await service("start", "a", ...STAYS);
    await service("start", "b", "sleep", "1000");
    await service("stop", "b");
    await switchOff();
    await until("it is off", async () => !(await isUp("a")));
    assert.equal((await service("start", "a")).code, 69);
    await switchOn();
    await until("it is up", () => isUp("a"));
    assert.equal(await isUp("b"), false);
    assert.equal(starts().length, 2);
  });

  it("runs once, and ends everything on TERM", async () => {
    await service("start", "a", ...STAYS);
    assert.equal((await node.run("loom-init", [])).code, 0);
    assert.ok(await isUp("a"));
    init.child.kill("SIGTERM");
    assert.equal((await init.ended).code, 0);
    assert.ok(!isRunning(starts()[0]!));
    assert.equal(node.read("run/init"), "");
    await switchOn();
    await until("it is up", () => isUp("a"));
  });

  it("refuses names that are none", async () => {
    for (const name of ["../x", ".x", "-x", "a/b", "a b", ""])
      assert.equal((await service("start", name, "true")).code, 64);
    assert.equal((await service("begin", "a")).code, 64);
  });
});
