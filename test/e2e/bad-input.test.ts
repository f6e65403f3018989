/** What Loom makes of input that makes no sense, through the real gateway and the command line: nothing half done. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { LoomProcess, type Ran } from "../support/loom-process.js";

interface WireError {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly debug?: { readonly reason?: string } }[];
}

/** Documents that mean what they should not. */
const service = (name: string, more = ""): string => `kind: Service\nname: ${name}\n${more}`;
const NESTED = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

describe("bad input", function () {
  this.timeout(120_000);
  let loom: LoomProcess;
  before(async () => {
    loom = new LoomProcess({ flags: ["--no-farm"] });
    await loom.up();
    await loom.must("create", "good", "--template", "web-farm", "--nodes", "3", "--provider", "simulated", "--wait");
  });
  after(() => loom.destroy());

  /** What nothing of this file may change. */
  let catalog: string;
  beforeEach(async () => (catalog = await loom.must("catalog", "list", "-o", "name")));
  afterEach(async () => {
    assert.equal(await loom.must("catalog", "list", "-o", "name"), catalog);
    const { clusters } = await loom.json<{ clusters: { displayName: string }[] }>("list");
    const left = clusters.map(({ displayName }) => displayName).filter((name) => name !== "good");
    for (const name of left) await loom.loom("delete", name, "--yes", "--wait");
    assert.deepEqual(left, []);
  });

  /** A request as any program can send it: Connect with JSON. */
  async function call(
    method: string,
    body: unknown,
    token = loom.token,
  ): Promise<{ status: number; error: WireError; reason: string }> {
    const response = await fetch(`${loom.url}/loom.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    let error: WireError;
    try {
      error = JSON.parse(text) as WireError;
    } catch {
      error = { message: text };
    }
    const reason = error.details?.map(({ debug }) => debug?.reason).find((each) => each !== undefined) ?? "";
    return { status: response.status, error, reason };
  }
  const create = (more: Readonly<Record<string, unknown>>) =>
    call("ClusterService/CreateCluster", {
      displayName: "bad",
      template: "web-farm",
      nodeCount: 3,
      provider: "simulated",
      ...more,
    });

  const make = (...more: string[]): Promise<Ran> => loom.loom("create", "bad", ...more);
  function refused(ran: Ran, exit: number, said: RegExp): void {
    assert.equal(ran.code, exit, ran.out + ran.err);
    assert.match(ran.err.replace(/\n\s+/g, " "), said);
  }

  describe("in commands", () => {
    it("an unknown template, with what was meant", async () => {
      refused(
        await make("--template", "web-fram", "--nodes", "3"),
        2,
        /no template "web-fram"\. Did you mean "web-farm"\?.*TEMPLATE_NOT_FOUND/,
      );
      refused(
        await make("--template", "web-farm", "--nodes", "3", "--provider", "dokcer"),
        2,
        /Did you mean "docker"\?.*PROVIDER_NOT_FOUND/,
      );
      refused(
        await make("--template", "web-farm", "--nodes", "3", "--services", "lb,wbe"),
        2,
        /no service "wbe"\. Did you mean "web"\?.*SERVICE_NOT_FOUND/,
      );
    });

    it("an impossible size", async () => {
      refused(
        await make("--template", "web-farm", "--nodes", "1", "--provider", "simulated"),
        2,
        /2 to 10000 nodes, not 1.*INVALID_SIZE/,
      );
      for (const nodes of ["0", "-3", "1.5", "10001", "99999999999999999999", "many"])
        refused(await make("--template", "web-farm", `--nodes=${nodes}`), 2, /whole number from 1 to 10000/);
      assert.equal((await create({ nodeCount: 10_001 })).reason, "INVALID_SIZE");
      assert.equal((await create({ nodeCount: -1 })).reason, "INVALID_SIZE");
    });

    it("names that are none", async () => {
      for (const name of ["x/1", "xü", "x\u0001", "-x", "x-", "1x", "", "x".repeat(41), "x y", "../x"]) {
        const { status, reason } = await create({ displayName: name });
        assert.deepEqual([status, reason], [400, "INVALID_FIELD"], name);
        const ran = await loom.loom("create", "--template", "web-farm", "--nodes", "3", "--", name);
        assert.equal(ran.code, 2, name);
      }
      for (const name of [
        "a/b/c",
        "clusters/",
        "clusters/good-/nodes",
        "good/jobs/x",
        "good/jobs/1/tasks/-1",
        "%00",
        "..",
        "héllo",
      ])
        assert.equal((await loom.loom("describe", name)).code, 2, name);
      for (const name of [
        "",
        "clusters/\u0000",
        "clusters/x/y/z",
        "clusters/good-99999999999999999999999",
        "x".repeat(100_000),
      ]) {
        const { status } = await call("ClusterService/GetCluster", { name });
        assert.ok(status === 400 || status === 404, `${name.slice(0, 50)} ${status}`);
      }
    });

    it("a wrong token, and none", async () => {
      refused(
        await loom.loomWith({ env: { LOOM_TOKEN: "loom_wrong" } }, "list"),
        2,
        /token.*not known.*loom login.*UNAUTHENTICATED/,
      );
      assert.equal((await call("SystemService/GetSystem", {}, "")).status, 401);
      assert.equal((await call("SystemService/GetSystem", {}, "x".repeat(5_000))).status, 401);
    });

    it("a layout that nothing solves, with what contradicts itself", async () => {
      const tight = `kind: ClusterTemplate
name: bad
defaults: { services: [web, lb, redis-primary], provider: simulated }
constraints:
  layout: { cantCoexist: [[lb, web], [lb, redis-primary], [web, redis-primary]] }
  services: { lb: { min: 2 }, web: { max: 9 } }
`;
      assert.equal((await loom.apply({ "bad.yaml": tight })).code, 0);
      try {
        const ran = await make("--template", "bad", "--nodes", "3");
        refused(
          ran,
          3,
          /"lb" and "web" are never on the same node; .*"lb" is on at least 2 nodes; .*the cluster has 3 nodes\. Change any one of them.*NO_LAYOUT/,
        );
        // What has no part in it is not named.
        assert.doesNotMatch(ran.err, /at most 9/);
      } finally {
        await loom.must("catalog", "delete", "ClusterTemplate/bad", "--yes");
      }
      refused(await loom.loom("add-nodes", "good", "lb", "1"), 3, /"lb" may be on at most 1 node.*NO_LAYOUT/);
    });

    it("counts that are too large", async () => {
      refused(await loom.loom("add-nodes", "good", "web", "10000"), 2, /10000|INVALID_SIZE/);
      assert.equal(
        (await call("ClusterService/AddNodes", { name: "clusters/good", service: "web", count: 2_147_483_647 })).status,
        400,
      );
      assert.equal(
        (await call("ClusterService/AddNodes", `{"name":"clusters/good","service":"web","count":1e300}`)).status,
        400,
      );
    });
  });

  describe("in catalogs", () => {
    const wrong = async (files: Readonly<Record<string, string>>, said: RegExp): Promise<void> => {
      const ran = await loom.apply(files);
      assert.equal(ran.code, 2, ran.out + ran.err);
      assert.match(`${ran.out}${ran.err}`, said);
      assert.match(`${ran.out}${ran.err}`, /INVALID_CATALOG/);
    };

    it("references to nothing, with file, line and column", async () => {
      await wrong(
        { "t.yaml": "kind: ClusterTemplate\nname: bad\ndefaults: { services: [lb, wbe], provider: simulatd }\n" },
        /t\.yaml:3:\d+: error: .*no service "wbe"\. Did you mean "web"\?[^]*t\.yaml:3:\d+: error: .*no provider "simulatd"\. Did you mean "simulated"\?/,
      );
    });

    it("circles of dependencies", async () => {
      const one = service("one", "runtime: { requires: [two] }\n");
      const two = service("two", "runtime: { requires: [one] }\n");
      await wrong({ "a.yaml": one, "b.yaml": two }, /[ab]\.yaml:\d+:\d+: error: .*(one|two).*->|→.*(one|two)/);
    });

    it("macros that are none", async () => {
      const script = `actions: { start: { type: shell, fields: { script: "true", env: { A: "x %ip.bogus%" } } } }\n`;
      await wrong({ "m.yaml": service("bad", script) }, /m\.yaml:3:\d+: error: .*%ip\.bogus% cannot be expanded/);
    });

    it("text that is no YAML, and documents of unknown kinds", async () => {
      await wrong({ "y.yaml": "kind: Service\nname: [\n" }, /y\.yaml:\d+:\d+: error/);
      await wrong({ "k.yaml": "kind: Servcie\nname: x\n" }, /k\.yaml:1:7: error: .*Did you mean "Service"\?/);
      await wrong({ "n.yaml": 'kind: Service\nname: "a/b"\n' }, /n\.yaml:2:\d+: error/);
      await wrong({ "z.yaml": 'kind: Service\nname: bad\ndescription: "a\\0b"\n' }, /z\.yaml:3:\d+: error/);
    });

    it("nothing is written of a folder of which one document is wrong", async () => {
      await wrong(
        { "good.yaml": service("fine"), "bad.yaml": "kind: Service\nname: x\nfoo: 1\n" },
        /bad\.yaml:3:1: error/,
      );
    });

    it("a document that is too large, and too many of them", async () => {
      await wrong(
        { "big.yaml": service("big", `description: ${"x".repeat(2_000_000)}\n`) },
        /big\.yaml.*error: .*(large|bytes|MiB)/,
      );
      const many = Object.fromEntries(
        Array.from({ length: 5_000 }, (_, i) => [`s${i}.yaml`, service(`s${i}`, "foo: 1\n")]),
      );
      await wrong(many, /no field "foo"/);
    });

    it("five thousand good documents at once are taken, and go again", async () => {
      const text = Array.from({ length: 5_000 }, (_, i) => service(`many-${i}`)).join("---\n");
      const applied = await loom.loomWith({ env: {} }, "catalog", "apply", "--dry-run", await folderOf(text));
      assert.equal(applied.code, 0, applied.err.slice(0, 1_000));
    });
  });

  async function folderOf(text: string): Promise<string> {
    const { mkdtemp, writeFile } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const folder = await mkdtemp(join(loom.home, "many-"));
    await writeFile(join(folder, "many.yaml"), text);
    return folder;
  }

  describe("in configurations", () => {
    it("keys that are Loom's own, and makers of secrets that are unknown", async () => {
      const reserved = await create({ config: { web: { x: { $secret: "web/x" } } } });
      assert.deepEqual([reserved.status, reserved.reason], [400, "INVALID_CONFIG"]);
      refused(
        await make("--template", "web-farm", "--nodes", "3", "-c", "$secret=1"),
        2,
        /"\$secret" is Loom's own.*INVALID_CONFIG/,
      );
      assert.equal((await create({ config: { web: { x: { generate: "magic" } } } })).reason, "INVALID_CONFIG");
      assert.equal(
        (await create({ config: JSON.parse('{"web":{"__proto__":{"polluted":1}}}') as object, validateOnly: true }))
          .status,
        200,
      );
      assert.equal(({} as { polluted?: number }).polluted, undefined);
    });

    it("what no database stores: NUL in texts and keys", async () => {
      for (const more of [
        { config: { web: { a: "x\u0000y" } } },
        { config: { web: { "k\u0000": 1 } } },
        { description: "a\u0000b" },
      ]) {
        const { status, reason, error } = await create(more);
        assert.equal(status, 400, JSON.stringify(error));
        assert.match(reason, /INVALID_CONFIG|INVALID_FIELD/);
      }
    });

    it("more than tasks can carry", async () => {
      const { status, reason, error } = await create({ config: { web: { a: "x".repeat(300_000) } } });
      assert.deepEqual([status, reason], [400, "INVALID_CONFIG"]);
      assert.match(error.message!, /has 300\d{3} bytes as JSON, and at most 262144/);
    });

    it("levels without end", async () => {
      for (const levels of [40, 90, 1_000, 100_000]) {
        const body = `{"displayName":"bad","template":"web-farm","nodeCount":3,"provider":"simulated","config":${NESTED(levels)}}`;
        const { status, error } = await call("ClusterService/CreateCluster", body);
        assert.equal(status, 400, `${levels}: ${JSON.stringify(error)}`);
      }
    });
  });

  describe("in messages", () => {
    it("that are too large", async () => {
      const { status, reason, error } = await create({ description: "x".repeat(6 * 2 ** 20) });
      assert.deepEqual([status, reason], [429, "MESSAGE_TOO_LARGE"], JSON.stringify(error));
      const larger = await create({ description: "x".repeat(20 * 2 ** 20) });
      assert.equal(larger.status, 429, JSON.stringify(larger.error).slice(0, 300));
      assert.equal(larger.reason, "MESSAGE_TOO_LARGE");
    });

    it("that are no messages", async () => {
      for (const body of [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"displayName":1}',
        '{"nope":1}',
        '{"nodeCount":"many"}',
        "\u0000",
      ])
        assert.equal((await call("ClusterService/CreateCluster", body)).status, 400, body);
      assert.equal((await call("ClusterService/Nope", {})).status, 404);
    });

    it("a request id that was used for another request, or is none", async () => {
      const requestId = randomUUID();
      const first = await create({ requestId, validateOnly: true });
      assert.equal(first.status, 200, JSON.stringify(first.error));
      await loom.must(
        "create",
        "twice",
        "--template",
        "web-farm",
        "--nodes",
        "3",
        "--provider",
        "simulated",
        "--request-id",
        requestId,
        "--wait",
      );
      try {
        refused(
          await make("--template", "web-farm", "--nodes", "4", "--provider", "simulated", "--request-id", requestId),
          2,
          /REQUEST_ID_REUSED/,
        );
        const again = [
          "create",
          "twice",
          "--template",
          "web-farm",
          "--nodes",
          "3",
          "--provider",
          "simulated",
          "--request-id",
          requestId,
        ];
        await loom.must(...again);
        const { clusters } = await loom.json<{ clusters: object[] }>("list");
        assert.equal(clusters.length, 2);
      } finally {
        await loom.must("delete", "twice", "--yes", "--wait");
      }
      assert.equal((await create({ requestId: "mine" })).reason, "INVALID_REQUEST_ID");
      refused(await make("--template", "web-farm", "--nodes", "3", "--request-id", "mine"), 2, /UUID/);
    });

    it("an etag of another state", async () => {
      const { name } = await loom.json<{ name: string }>("describe", "good");
      const stale = await call("ClusterService/DeleteCluster", { name, etag: "1-1-stale" });
      assert.deepEqual([stale.status, stale.reason], [409, "ETAG_MISMATCH"]);
    });

    it("pages that are none", async () => {
      for (const more of [
        { pageSize: -1 },
        { pageToken: "x" },
        { pageToken: "x".repeat(5_000) },
        { pageSize: 2 ** 40 },
      ])
        assert.equal((await call("ClusterService/ListClusters", more)).status, 400, JSON.stringify(more).slice(0, 50));
      assert.equal(
        (await call("ClusterService/ListClusters", { pageToken: Buffer.from('["a","\u0000"]').toString("base64url") }))
          .reason,
        "INVALID_PAGE_TOKEN",
      );
      assert.equal((await call("ClusterService/ListClusters", { pageSize: 2_147_483_647 })).status, 200);
      assert.equal((await call("ClusterService/ListClusters", { displayName: "\u0000" })).status, 400);
    });
  });

  it("a macro that never means anything is refused with the place where it stands, and nothing is made", async () => {
    const ran = await make(...SMALL, "-c", "web.greeting=%ip.bogus%");
    refused(ran, 2, /config\.web\.greeting.*position 1.*cannot be expanded.*Known are/);
    assert.match((await loom.loom("status", "bad")).err, /No live cluster/);
  });

  it("a macro that means nothing at run time fails its task, and the cluster can be retried and deleted", async () => {
    const ran = await make(...SMALL, "-c", "web.greeting=%ip.service.web[7]%", "--wait");
    try {
      refused(ran, 1, /The macro %ip\.service\.web\[7\]% .*cannot be expanded/);
      const { tasks } = await loom.json<{ tasks: { name: string; state: string }[] }>("tasks", "bad");
      assert.match(
        await loom.must("describe", tasks.find(({ state }) => state === "STATE_FAILED")!.name),
        /MACRO_ERROR/,
      );
      assert.equal((await loom.loom("retry", "bad", "--wait")).code, 1);
    } finally {
      await loom.must("delete", "bad", "--yes", "--wait");
    }
  });
});

const SMALL = ["--template", "web-farm", "--nodes", "3", "--provider", "simulated"];
