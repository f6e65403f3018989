/** `loom catalog import`: files in, files out, and what is said about it. */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skipBecause } from "../../tools/mocha-summary/skip.js";
import { start, type Ran } from "./use-cli.js";

const FIXTURE = new URL("../fixtures/coopr", import.meta.url).pathname;

interface Told {
  readonly documents: readonly { readonly document: string; readonly file: string; readonly from: string }[];
  readonly findings: readonly {
    readonly outcome: string;
    readonly document: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly reason: string;
  }[];
  readonly templates: readonly { readonly name: string; readonly fewest?: number }[];
}

interface Plan {
  readonly layout: readonly { readonly count: number; readonly services: readonly string[] }[];
}

describe("cli: catalog import", () => {
  let folder: string;
  let source: string;
  let out: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-import-"));
    source = join(folder, "source");
    out = join(folder, "out");
    cpSync(FIXTURE, source, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): void => {
    mkdirSync(join(source, name, ".."), { recursive: true });
    writeFileSync(join(source, name), text);
  };
  const imported = (...argv: string[]): Promise<Ran> =>
    start(["catalog", "import", "--from", "coopr", source, "--out", out, ...argv]).ended;
  const filesIn = (path: string): string[] =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
      .sort();
  const planned = async (template: string, nodes: number, catalog = out): Promise<Plan["layout"]> => {
    const {
      exit,
      out: text,
      err,
    } = await start(["plan", "--catalog", catalog, "--template", template, "--nodes", String(nodes), "-o", "json"])
      .ended;
    assert.equal(exit, 0, err);
    return (JSON.parse(text) as Plan).layout;
  };
  const shapeOf = (layout: Plan["layout"]): string[] =>
    layout.map(({ count, services }) => `${count} ${services.join(" ")}`);

  it("writes one file a document, which validate and plan", async () => {
    const { exit, out: text, err } = await imported();
    assert.equal(exit, 0, err);
    assert.equal(filesIn(out).length, 24);
    assert.equal(statSync(out).mode & 0o777, statSync(source).mode & 0o777);
    assert.deepEqual(readdirSync(folder).sort(), ["out", "source"]);
    assert.equal(
      readFileSync(join(out, "ImageType/plain-linux.yaml"), "utf8"),
      "kind: ImageType\nname: plain-linux\ndescription: A plain Linux\nproviders:\n  north-cloud:\n    image: img-plain-linux\n    user: ops\n",
    );
    assert.match(text, /^TEMPLATE +NODES +SMALLEST CLUSTER\ngrid +3 +1 x files-master, .* \| 2 x files-store, /);
    assert.match(
      err,
      /^WHAT +TIMES +DOCUMENT +PATH +AT +REASON\ndropped +1 .*providertypes:1:1 +This folder is not part of a catalog/,
    );
    assert.match(
      err,
      /\ninactive +48 +Service\/balancer and 12 more +provisioner\.actions\.install\.type .*balancer\.json:19:17 +No automator type "chef-solo"/,
    );
    assert.match(
      err,
      /\n24 documents written to .*; not as it was: 5 dropped, 54 inactive\nTry one: loom plan --catalog .* --template grid --nodes 3\n$/,
    );

    const checked = await start(["catalog", "validate", out]).ended;
    assert.equal(checked.exit, 0, checked.err);
    assert.match(checked.err, /24 documents, no errors, 56 warnings\n$/);
    assert.match(checked.err, /"chef-solo"\. Known are: .*\(and 47 more like it, in 13 documents\)\n/);
    assert.match(checked.err, /Warnings that are alike share a line; -o json lists each\.\n/);
    assert.ok(checked.err.split("\n").length < 15, checked.err);

    assert.deepEqual(shapeOf(await planned("grid", 50)), [
      "1 files-master ground keeper table-master work-master",
      "49 files-store ground table-store work-hand",
    ]);
    assert.deepEqual(shapeOf(await planned("shop-in-house", 1)), ["1 ground language language-parts pages rows"]);
  });

  it("tells the same as JSON, each place by itself", async () => {
    const { exit, out: text, err } = await imported("-o", "json", "--currency", "EUR");
    assert.equal(exit, 0);
    assert.equal(err, "");
    const { documents, findings, templates } = JSON.parse(text) as Told;
    assert.deepEqual(documents[0], {
      document: "Provider/cellar",
      file: join(out, "Provider/cellar.yaml"),
      from: join(source, "providers/cellar.json"),
    });
    assert.equal(findings.length, 57);
    assert.ok(
      findings.every(({ file, line, column, reason }) => existsSync(file) && line > 0 && column > 0 && reason !== ""),
    );
    assert.deepEqual(
      templates.map(({ name, fewest }) => `${name} ${fewest}`),
      ["grid 3", "shop 1", "shop-in-house 1"],
    );
    assert.match(
      readFileSync(join(out, "HardwareType/node-small.yaml"), "utf8"),
      /price:\n +perHour: "0\.05"\n +currency: EUR\n/,
    );
    const names = await imported("--force", "-o", "name");
    assert.deepEqual(
      names.out.trim().split("\n"),
      documents.map(({ file }) => file),
    );
    const lines = await imported("--force", "-o", "jsonl");
    assert.equal(lines.out.trim().split("\n").length, 59);
    assert.match((await imported("--force", "-o", "wide")).err, /files-master\.json:\d+:\d+ +No automator type/);
  });

  it("tells of what is broken with its place, imports the rest, and ends with 2", async () => {
    write("services/broken.json", '{\n  "name": "broken",\n  "description": \n}\n');
    write("services/nested/nameless.json", '{"description": "x"}');
    write("services/again.json", '{"name": "ground"}');
    write("services/notes.txt", "not read");
    writeFileSync(join(source, "services/latin.json"), Buffer.from([0x7b, 0xff, 0x7d]));
    symlinkSync("nowhere", join(source, "services/link.json"));
    symlinkSync("nowhere", join(source, "images"));
    write("services/deep.json", `{"name": "deep", "provisioner": ${"[".repeat(50_000)}${"]".repeat(50_000)}}`);
    const { exit, err } = await imported();
    assert.equal(exit, 2);
    assert.equal(filesIn(out).length, 24);
    for (const pattern of [
      /^lost .*broken\.json:4:1 +The file is no JSON\. Here should be a value, not "}"/m,
      /^lost .*nameless\.json:1:1 +This Service has no name/m,
      /^lost +1 +Service\/ground +name .*ground\.json:2:11 +The document is there already, at .*again\.json:1\./m,
      /^lost .*latin\.json:1:1 .*not UTF-8/m,
      /^lost .*link\.json:1:1 .*does not exist/m,
      /^(lost|dropped) .*deep\.json:1:\d+ .*nested/m,
      /not as it was: \d lost, /,
    ])
      assert.match(err, pattern);
  });

  it("leaves a folder alone that holds something, unless --force, which keeps other files", async () => {
    mkdirSync(join(out, "Service"), { recursive: true });
    assert.equal((await imported()).exit, 2, "an empty folder in it is something");
    writeFileSync(join(out, "Service/mine.yaml"), "kind: Service\nname: mine\n");
    writeFileSync(join(out, "Service/ground.yaml"), "kind: Service\nname: ground\n");
    const refused = await imported();
    assert.equal(refused.exit, 2);
    assert.match(refused.err, /is not empty\.\n.*--force/);
    assert.deepEqual(filesIn(out), ["Service/ground.yaml", "Service/mine.yaml"]);
    assert.equal((await imported("--force")).exit, 0);
    assert.equal(filesIn(out).length, 25);
    assert.match(readFileSync(join(out, "Service/ground.yaml"), "utf8"), /chef-solo/);
    assert.deepEqual(readdirSync(folder).sort(), ["out", "source"]);
  });

  it("takes an empty folder as it is, and leaves nothing half written", async () => {
    mkdirSync(out);
    assert.equal((await imported()).exit, 0);
    rmSync(out, { recursive: true });
    mkdirSync(out);
    writeFileSync(join(out, "Service"), "a file where a folder should be");
    const failed = await imported("--force");
    assert.equal(failed.exit, 1);
    // Lines are broken where the width of a terminal ends.
    assert.match(
      failed.err.replace(/\s+/g, " "),
      /error: .*Service cannot be written \(EEXIST\): nothing was imported\./,
    );
    assert.deepEqual(filesIn(out), ["Service"]);
    assert.deepEqual(readdirSync(folder).sort(), ["out", "source"]);
  });

  it("says what is wrong with the folders and flags themselves", async () => {
    const run = (...argv: string[]): Promise<Ran> => start(["catalog", "import", ...argv]).ended;
    writeFileSync(join(folder, "file"), "");
    for (const [argv, pattern] of [
      [[source, "--from", "coopr"], /required option '--out <folder>'/],
      [[source, "--out", out], /required option '--from <system>'/],
      [[source, "--out", out, "--from", "other"], /coopr/],
      [["--from", "coopr", "--out", out, join(folder, "nowhere")], /nowhere does not exist/],
      [["--from", "coopr", "--out", out, join(folder, "file")], /is no folder/],
      [["--from", "coopr", "--out", out, folder], /holds none of the folders providers, hardwaretypes/],
      [["--from", "coopr", "--out", join(folder, "file"), source], /is a file/],
      [["--from", "coopr", "--out", out, "--currency", "euro", source], /euro is not a currency/],
    ] as const) {
      const { exit, err } = await run(...argv);
      assert.equal(exit, 2, argv.join(" "));
      assert.match(err, pattern);
      assert.equal(existsSync(out), false);
    }
  });

  it("lays out a whole catalog as its own system does", async function () {
    const whole = process.env["LOOM_COOPR_CATALOG"];
    if (whole === undefined) skipBecause(this, "LOOM_COOPR_CATALOG names no folder with a catalog of that system");
    source = whole!;
    const { exit, out: text, err } = await imported("-o", "json");
    assert.equal(exit, 0, err);
    const { templates } = JSON.parse(text) as Told;
    assert.equal((await start(["catalog", "validate", out]).ended).exit, 0);
    for (const { name, fewest } of templates) if (fewest !== undefined) await planned(name, fewest);
    const master = "base hadoop-hdfs-namenode hadoop-yarn-resourcemanager hbase-master zookeeper-server";
    const worker = "base hadoop-hdfs-datanode hadoop-yarn-nodemanager hbase-regionserver";
    for (const nodes of [3, 10, 50, 200])
      assert.deepEqual(shapeOf(await planned("hadoop-distributed", nodes)), [`1 ${master}`, `${nodes - 1} ${worker}`]);
    const [first, other] = ["apache-httpd base mysql-server php php-modules", "apache-httpd base php php-modules"];
    assert.deepEqual(shapeOf(await planned("lamp", 1)), [`1 ${first}`]);
    for (const nodes of [2, 5, 100])
      assert.deepEqual(shapeOf(await planned("lamp", nodes)), [`1 ${first}`, `${nodes - 1} ${other}`]);
  });
});
