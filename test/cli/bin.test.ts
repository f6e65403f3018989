/** bin/loom, and what is loaded before a command is known. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { startFakeLoom } from "./fake-loom.js";

describe("cli: bin/loom", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "loom bin-"));
    mkdirSync(join(home, "bin"));
    copyFileSync("bin/loom", join(home, "bin/loom"));
    chmodSync(join(home, "bin/loom"), 0o755);
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it("says what to do where nothing was built", () => {
    const { status, stderr } = spawnSync(join(home, "bin/loom"), ["version"], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /make -C '.*' build/);
  });

  it("runs what was built, from any folder, through symlinks, with arguments as they are", () => {
    mkdirSync(join(home, "build/cli"), { recursive: true });
    writeFileSync(
      join(home, "build/cli/main.js"),
      "console.log(JSON.stringify(process.argv.slice(2))); process.exit(3);",
    );
    writeFileSync(join(home, "package.json"), '{"type": "module"}');
    mkdirSync(join(home, "elsewhere"));
    symlinkSync(join(home, "bin/loom"), join(home, "one"));
    symlinkSync("../one", join(home, "elsewhere/two"));
    for (const path of ["bin/loom", "one", "elsewhere/two"]) {
      const { status, stdout, stderr } = spawnSync(join(home, path), ["a b", "", "*"], { encoding: "utf8", cwd: "/" });
      assert.equal(stderr, "");
      assert.equal(status, 3);
      assert.deepEqual(JSON.parse(stdout), ["a b", "", "*"]);
    }
  });
});

/** Files that a module loads at once, itself included; what it imports later or as types only is not counted. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, from] of readFileSync(path, "utf8").matchAll(/^(?:import|export) (?!type )[^;]*? from "([^"]+)";/gm)) {
    const target = from!.startsWith(".") ? resolve(dirname(path), from!.replace(/\.js$/, ".ts")) : from!;
    if (existsSync(target)) loadedBy(target, seen);
    else seen.add(target);
  }
  return seen;
}

describe("cli: start", () => {
  it("loads neither the contract nor the client before a command needs them", () => {
    for (const start of ["cli/main.ts", "cli/commands/version.ts"]) {
      const heavy = [...loadedBy(resolve(start))].filter((path) =>
        /gen\/|gateway\/|@bufbuild|@connectrpc|^yaml$|^zod$/.test(path),
      );
      assert.deepEqual(heavy, [], `${start} loads what makes it slow`);
    }
    assert.ok(loadedBy(resolve("cli/commands/list.ts")).size > 10, "the walk sees imports");
  });
});

describe("cli: process", () => {
  const loom = (
    args: readonly string[],
    env: Record<string, string> = {},
  ): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } =>
    spawnSync(process.execPath, ["--import", "tsx", "cli/main.ts", ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"]!, HOME: "/nonexistent", ...env },
    }) as never;

  it("ends with the command's exit code", () => {
    assert.equal(loom(["version"]).status, 0);
    assert.equal(loom(["list"]).status, 2);
    assert.equal(loom(["list"], { LOOM_URL: "http://127.0.0.1:1" }).status, 5);
  });

  it("does not mind a reader that leaves early, nor a server that keeps connections", async () => {
    const server = await startFakeLoom({
      clusters: {
        listClusters: () => ({ clusters: Array.from({ length: 5000 }, (_, i) => ({ name: `clusters/c-${i}` })) }),
      },
    });
    try {
      const child = spawn(
        "sh",
        ["-c", `"$0" --import tsx cli/main.ts list -o name | head -n 1; echo done`, process.execPath],
        {
          env: { PATH: process.env["PATH"]!, HOME: "/nonexistent", LOOM_URL: server.url },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await new Promise((done) => child.on("close", done));
      assert.equal(text, "clusters/c-0\ndone\n");
    } finally {
      await server.close();
    }
  });
});
