/** Commands on the catalog, signing in, and the program in a process of its own. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  DocumentChange_Kind,
  DocumentKind,
  DocumentSchema,
  Problem_Severity,
  type ApplyDocumentsRequest,
} from "../../gen/web/loom/v1/catalog_pb.js";
import { readContexts } from "../../cli/context.js";
import { refusal, type FakeServices } from "./fake-loom.js";
import { runWith, start, withLoom } from "./use-cli.js";

const GOOD = "kind: Service\nname: web\n";

describe("cli: catalog", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "loom-catalog-"))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): void => {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  };

  it("validate needs no server, finds everything at once, and tells file, line and column", async () => {
    write("services/web.yaml", GOOD);
    write("services/bad.yaml", "kind: Service\nname: db\ninstal: {}\n");
    write("worse.yml", "kind: Servce\nname: x\n");
    write(".hidden/x.yaml", "not: read\n");
    write("readme.txt", "not read");
    const { exit, out, err } = await start(["catalog", "validate", folder]).ended;
    assert.equal(exit, 2);
    assert.equal(out, "");
    assert.match(err, /bad\.yaml:3:1: error: .*instal/);
    assert.match(err, /worse\.yml:1:\d+: error:/);
    assert.match(err, /2 errors/);
    const json = await start(["catalog", "validate", folder, "-o", "json"]).ended;
    assert.equal(json.exit, 2);
    assert.equal((JSON.parse(json.out) as { problems: unknown[] }).problems.length, 2);
  });

  it("validate says so where all is well", async () => {
    write("web.yaml", GOOD);
    const { exit, err } = await start(["catalog", "validate", folder]).ended;
    assert.equal(exit, 0);
    assert.match(err, /1 document, no errors/);
  });

  it("says what is wrong with the folder itself", async () => {
    for (const path of [folder, join(folder, "nowhere")]) {
      const { exit, err } = await start(["catalog", "validate", path]).ended;
      assert.equal(exit, 2);
      assert.match(err, /error: .*(holds no YAML|does not exist)/s);
    }
  });

  const applying = (sent: ApplyDocumentsRequest[], wrong = false): FakeServices => ({
    catalog: {
      applyDocuments: (request) => {
        sent.push(request);
        if (wrong && !request.validateOnly) throw refusal("INVALID_CATALOG", "Service/web has a problem.");
        return {
          changes: [
            { kind: DocumentChange_Kind.CREATED, name: "documents/Service/web", version: 1 },
            {
              kind: DocumentChange_Kind.UPDATED,
              name: "documents/Service/lb",
              version: 4,
              fields: [
                { path: "config.port", before: "80", after: "8080" },
                { path: "config.x", before: "", after: "1" },
              ],
            },
            { kind: DocumentChange_Kind.UNCHANGED, name: "documents/Service/old", version: 1 },
            { kind: DocumentChange_Kind.KEPT, name: "documents/Service/mine", version: 9 },
          ],
          problems: wrong
            ? [
                {
                  severity: Problem_Severity.ERROR,
                  document: "Service/web",
                  file: "web.yaml",
                  line: 2,
                  column: 7,
                  path: "name",
                  message: "It is wrong.",
                  suggestion: "Mend it.",
                },
              ]
            : [],
        };
      },
    },
  });

  it("diff and apply send the files, and show what changes", async () => {
    write("a/web.yaml", GOOD);
    const sent: ApplyDocumentsRequest[] = [];
    const diff = await runWith(applying(sent), ["catalog", "diff", folder, "--detailed-exit-code"]);
    assert.equal(diff.exit, 4);
    assert.equal(
      diff.out,
      "+ Service/web\n~ Service/lb\n    ~ config.port: 80 -> 8080\n    + config.x: 1\n  Service/mine was edited here and stays as it is\n",
    );
    const apply = await runWith(applying(sent), ["catalog", "apply", folder]);
    assert.equal(apply.exit, 0);
    assert.match(apply.err, /Applied: 1 new, 1 changed, 1 unchanged, 1 kept as edited/);
    assert.equal((await runWith(applying(sent), ["catalog", "apply", folder, "--dry-run"])).exit, 0);
    assert.deepEqual(
      sent.map((request) => request.validateOnly),
      [true, false, true],
    );
    assert.match(sent[1]!.requestId, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      sent[0]!.files.map((file) => [file.path, file.text]),
      [[join(folder, "a/web.yaml"), GOOD]],
    );
  });

  it("a refused apply lists every problem and ends with 2", async () => {
    write("web.yaml", GOOD);
    const { exit, err, out } = await runWith(applying([], true), ["catalog", "apply", folder]);
    assert.equal(exit, 2);
    assert.equal(out, "");
    assert.match(err, /web\.yaml:2:7: error: .*It is wrong\. Mend it\.\nerror: Nothing was applied: 1 error\./);
  });

  it("export writes files that read back as the same documents, and overwrites nothing unasked", async () => {
    const services: FakeServices = {
      catalog: {
        listDocuments: () => ({
          documents: [
            create(DocumentSchema, {
              name: "documents/Service/web",
              kind: DocumentKind.SERVICE,
              id: "web",
              body: { case: "service", value: { provides: ["http"], config: { port: 80 } } },
            }),
          ],
        }),
      },
    };
    const target = join(folder, "out");
    const { exit, err } = await runWith(services, ["catalog", "export", target]);
    assert.equal(exit, 0, err);
    assert.equal(
      readFileSync(join(target, "Service/web.yaml"), "utf8"),
      "kind: Service\nname: web\nprovides:\n  - http\nconfig:\n  port: 80\n",
    );
    assert.equal((await runWith(services, ["catalog", "export", target])).exit, 2);
    assert.equal((await runWith(services, ["catalog", "export", target, "--force"])).exit, 0);
    assert.equal((await start(["catalog", "validate", target]).ended).exit, 0);
  });

  it("export writes nowhere but into the folder", async () => {
    const services: FakeServices = {
      catalog: {
        listDocuments: () => ({
          documents: [
            create(DocumentSchema, {
              name: "documents/Service/x",
              kind: DocumentKind.SERVICE,
              id: "../../evil",
              body: { case: "service", value: {} },
            }),
          ],
        }),
      },
    };
    assert.equal((await runWith(services, ["catalog", "export", join(folder, "out")])).exit, 2);
    assert.ok(!existsSync(join(folder, "evil.yaml")));
  });

  it("delete asks, or wants --yes", async () => {
    let deleted = 0;
    const services: FakeServices = {
      catalog: {
        deleteDocument: () => (
          deleted++,
          create(DocumentSchema, { name: "documents/Service/web", kind: DocumentKind.SERVICE, id: "web" })
        ),
      },
    };
    assert.equal((await runWith(services, ["catalog", "delete", "service/web"])).exit, 2);
    assert.equal(
      (await runWith(services, ["catalog", "delete", "service/web"], { tty: true, input: "web\r" })).exit,
      2,
    );
    assert.equal(deleted, 0);
    assert.equal((await runWith(services, ["catalog", "delete", "service/web", "--yes"])).exit, 0);
    assert.equal(
      (await runWith(services, ["catalog", "delete", "service/web"], { tty: true, input: "Service/web\r" })).exit,
      0,
    );
    assert.equal(deleted, 2);
  });
});

describe("cli: login", () => {
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), "loom-login-"))));
  afterEach(() => rmSync(home, { recursive: true }));
  const services: FakeServices = { system: { getIdentity: () => ({ user: "ada", tenant: "default", role: "admin" }) } };

  it("takes the token from the prompt, a pipe or a file, stores it with mode 0600, and never shows it", async () => {
    const file = join(home, "token");
    writeFileSync(file, "t0ken\n", { mode: 0o600 });
    for (const [name, argv, options] of [
      ["prompt", [], { tty: true, input: "t0kem\u007fn\r" }],
      ["pipe", [], { input: "t0ken\n" }],
      ["file", ["--token-file", file], {}],
    ] as const) {
      await withLoom(services, async (loom) => {
        const env = { HOME: home };
        const { exit, out, err } = await start(["login", loom.url, "--name", name, ...argv], { ...options, env }).ended;
        assert.equal(exit, 0, err);
        assert.match(err, /Signed in to .* as ada \(admin of default\)/);
        assert.doesNotMatch(out + err, /t0ken|t0kem/);
        assert.deepEqual(loom.authorizations, ["Bearer t0ken"]);
        assert.deepEqual(readContexts(env).contexts[name], { url: loom.url, token: "t0ken" });
        assert.equal(readContexts(env).current, name);
        assert.equal(statSync(join(home, ".config/loom/context.json")).mode & 0o777, 0o600);
        const list = await start(["context"], { env }).ended;
        assert.match(list.out, new RegExp(`\\* +${name} +${loom.url} +stored`));
        assert.doesNotMatch(list.out, /t0ken/);
        assert.doesNotMatch((await start(["context", "list", "-o", "json"], { env }).ended).out, /t0ken/);
      });
    }
    assert.equal((await start(["context", "use", "pipe"], { env: { HOME: home } }).ended).exit, 0);
    assert.equal((await start(["context", "remove", "pipe"], { env: { HOME: home } }).ended).exit, 0);
    assert.equal(readContexts({ HOME: home }).current, "");
    assert.equal((await start(["context", "use", "pipe"], { env: { HOME: home } }).ended).exit, 2);
  });

  it("stores nothing where the token is wrong, empty or not asked for", async () => {
    const wrong: FakeServices = {
      system: {
        getIdentity: () => {
          throw refusal("UNAUTHENTICATED", "That token is not valid.");
        },
      },
    };
    await withLoom(wrong, async (loom) => {
      for (const input of ["bad\n", "\n", "a b\n", ""]) {
        const { exit } = await start(["login", loom.url], { input, env: { HOME: home } }).ended;
        assert.equal(exit, 2, JSON.stringify(input));
      }
    });
    assert.ok(!existsSync(join(home, ".config")));
  });

  it("warns where the way is not encrypted", async () => {
    const { err } = await start(["login", "http://loom.example:1"], { input: "\n", env: { HOME: home } }).ended;
    assert.match(err, /warning: .*not encrypted/);
  });
});
