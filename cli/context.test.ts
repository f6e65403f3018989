import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkFingerprint, contextPath, readContexts, resolveTarget, writeContext } from "./context.js";
import { CliError } from "./exit.js";

describe("cli: contexts", () => {
  let home: string;
  let env: Record<string, string>;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "loom-context-"));
    env = { HOME: home };
  });
  afterEach(() => rmSync(home, { recursive: true }));
  const refuses = (run: () => unknown, pattern: RegExp): void => {
    assert.throws(
      run,
      (thrown) =>
        thrown instanceof CliError && thrown.exit === 2 && pattern.test([thrown.message, ...thrown.advice].join("\n")),
    );
  };

  it("stands where XDG says, else in the home folder", () => {
    assert.equal(contextPath({ HOME: "/h" }), "/h/.config/loom/context.json");
    assert.equal(contextPath({ HOME: "/h", XDG_CONFIG_HOME: "/x" }), "/x/loom/context.json");
    assert.equal(contextPath({ HOME: "/h", XDG_CONFIG_HOME: "" }), "/h/.config/loom/context.json");
  });

  it("is readable by its owner alone, whatever the umask, and leaves nothing beside it", () => {
    const before = process.umask(0);
    try {
      const path = writeContext({ name: "here", url: "http://127.0.0.1:7420/", token: "t1" }, env);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
      assert.deepEqual(readdirSync(dirname(path)), ["context.json"]);
    } finally {
      process.umask(before);
    }
    assert.deepEqual(readContexts(env), {
      current: "here",
      contexts: { here: { url: "http://127.0.0.1:7420", token: "t1" } },
    });
  });

  it("keeps other contexts, and the current one where told to", () => {
    writeContext({ name: "a", url: "http://a", token: "1" }, env);
    writeContext({ name: "b", url: "http://b", token: "2", makeCurrent: false }, env);
    writeContext({ name: "a", url: "http://a2", token: "3", makeCurrent: false }, env);
    assert.deepEqual(readContexts(env), {
      current: "a",
      contexts: { a: { url: "http://a2", token: "3" }, b: { url: "http://b", token: "2" } },
    });
  });

  it("keeps what certificate to trust, and hands it out with the address it was stored with", () => {
    const fingerprint = `sha256:${"ab".repeat(32)}` as const;
    const other = `sha256:${"cd".repeat(32)}` as const;
    writeContext({ name: "far", url: "https://far:7420", token: "t", fingerprint }, env);
    assert.deepEqual(resolveTarget({}, env), { url: "https://far:7420", token: "t", fingerprint, context: "far" });
    assert.deepEqual(resolveTarget({ url: "https://far:7420" }, { ...env, LOOM_TOKEN: "x" }), {
      url: "https://far:7420",
      token: "x",
      fingerprint,
      context: "",
    });
    const named = { ...env, LOOM_URL: "https://far:7420", LOOM_FINGERPRINT: other.toUpperCase() };
    assert.equal(resolveTarget({}, named).fingerprint, other);
    assert.equal(resolveTarget({ url: "https://elsewhere" }, env).fingerprint, undefined);
    // One that is left over from another Loom must not stand in the way of this machine's.
    assert.equal(resolveTarget({ url: "http://127.0.0.1" }, named).fingerprint, undefined);
    refuses(() => resolveTarget({}, { ...named, LOOM_FINGERPRINT: "sha256:12" }), /64 hexadecimal digits/);
    refuses(() => checkFingerprint(fingerprint, "http://far"), /no certificate/);
  });

  it("refuses a file that others can read, with advice", () => {
    const path = writeContext({ name: "a", url: "http://a", token: "1" }, env);
    chmodSync(path, 0o640);
    refuses(() => readContexts(env), /chmod 600/);
    refuses(() => writeContext({ name: "b", url: "http://b", token: "1" }, env), /mode 640/);
  });

  it("refuses a file that is no context file, and addresses that are none", () => {
    const path = writeContext({ name: "a", url: "http://a", token: "1" }, env);
    writeFileSync(path, "{");
    refuses(() => readContexts(env), /not a valid context file/);
    refuses(
      () => writeContext({ name: "../x", url: "http://a", token: "1" }, { HOME: join(home, "other") }),
      /no name/,
    );
    for (const url of ["localhost:7420", "ftp://x", "http://user:secret@x"])
      refuses(() => resolveTarget({ url }, {}), /address/);
  });

  it("flags go before the environment, the environment before the context", () => {
    writeContext({ name: "a", url: "http://a", token: "ta" }, env);
    writeContext({ name: "b", url: "http://b", token: "tb" }, env);
    const token = join(home, "token");
    writeFileSync(token, "tf\n", { mode: 0o600 });
    assert.deepEqual(resolveTarget({}, env), { url: "http://b", token: "tb", context: "b" });
    assert.deepEqual(resolveTarget({ context: "a" }, env), { url: "http://a", token: "ta", context: "a" });
    assert.deepEqual(resolveTarget({ context: "a" }, { ...env, LOOM_URL: "http://c" }), {
      url: "http://a",
      token: "ta",
      context: "a",
    });
    assert.deepEqual(resolveTarget({}, { ...env, LOOM_URL: "http://c", LOOM_TOKEN: "tc" }), {
      url: "http://c",
      token: "tc",
      context: "",
    });
    assert.deepEqual(
      resolveTarget({ url: "http://d", tokenFile: token }, { ...env, LOOM_URL: "http://c", LOOM_TOKEN: "tc" }),
      { url: "http://d", token: "tf", context: "" },
    );
  });

  it("sends a stored token only to the address it was stored with", () => {
    writeContext({ name: "a", url: "http://a", token: "ta" }, env);
    assert.equal(resolveTarget({ url: "http://elsewhere" }, env).token, "");
    assert.equal(resolveTarget({ url: "http://a/" }, env).token, "ta");
  });

  it("says what to do where nothing is named, and what may have been meant", () => {
    refuses(() => resolveTarget({}, env), /make run/);
    writeContext({ name: "work", url: "http://a", token: "ta" }, env);
    refuses(() => resolveTarget({ context: "wrok" }, env), /Did you mean "work"/);
  });

  it("refuses a token file that others can read", () => {
    const token = join(home, "token");
    writeFileSync(token, "tf\n", { mode: 0o644 });
    refuses(() => resolveTarget({ url: "http://d", tokenFile: token }, env), /chmod 600/);
  });
});
