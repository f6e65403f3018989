/**
 * The rules between layers (docs/architecture.md, "Rules of the house") as the linter enforces them: each one is broken
 * on purpose in a copy of the tree and must be seen, and what is allowed must pass.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

interface Planted {
  readonly file: string;
  readonly source: string;
  /** Text of the finding; undefined where there must be none. */
  readonly finding: string | undefined;
}

const use = (specifier: string): string =>
  `import * as used from ${JSON.stringify(specifier)};\nexport const kept = used;\n`;
const bad = (file: string, specifier: string, finding: string): Planted => ({ file, source: use(specifier), finding });
const good = (file: string, specifier: string): Planted => ({ file, source: use(specifier), finding: undefined });

const PURE_FOLDERS = ["layout", "plan", "catalog", "macros", "records"];
const PURE_BANNED = [
  "node:fs",
  "node:fs/promises",
  "fs",
  "node:net",
  "node:http",
  "node:child_process",
  "node:worker_threads",
];
const PURE_IO = "A pure core does no I/O";
const DATABASE = "Only services/server/store and db/ talk to the database";
const GENERATED = "know generated types";
const GRPC = "speak gRPC";
const FRONT = "Services know neither the gateway nor the command line";

const PLANTED: readonly Planted[] = [
  // Pure cores.
  ...PURE_FOLDERS.flatMap((folder) => PURE_BANNED.map((name) => bad(`services/server/${folder}/x.ts`, name, PURE_IO))),
  ...PURE_FOLDERS.flatMap((folder) => [
    bad(`services/server/${folder}/x.ts`, "pg", DATABASE),
    bad(`services/server/${folder}/x.ts`, "@prisma/client", DATABASE),
    bad(`services/server/${folder}/x.ts`, "@grpc/grpc-js", GRPC),
    bad(`services/server/${folder}/x.ts`, "../../../gen/services/loom/v1/cluster.js", GENERATED),
    bad(`services/server/${folder}/x.ts`, "../store/log.js", "knows no layer above"),
    bad(`services/server/${folder}/x.ts`, "../../common/read-folder.js", "knows no layer above"),
    { file: `services/server/${folder}/x.ts`, source: `export const now = Date.now();\n`, finding: "reads no clock" },
    {
      file: `services/server/${folder}/x.ts`,
      source: `export const dice = Math.random();\n`,
      finding: "no randomness",
    },
    {
      file: `services/server/${folder}/x.ts`,
      source: `import { randomUUID } from "node:crypto";\nexport const id = randomUUID();\n`,
      finding: "no randomness",
    },
    {
      file: `services/server/${folder}/x.ts`,
      source: `import { createHash } from "node:crypto";\nexport const hash = createHash("sha256");\n`,
      finding: undefined,
    },
    good(`services/server/${folder}/x.test.ts`, "node:fs"),
  ]),
  good("services/server/plan/thread.ts", "node:worker_threads"),
  good("services/server/plan/thread-entry.ts", "node:worker_threads"),
  bad("services/server/layout/thread.ts", "pg", DATABASE),
  // The database.
  ...[
    "services/server/jobs",
    "services/server/rpc",
    "services/server",
    "services/common",
    "services/provisioner/worker",
    "services/standalone",
    "gateway",
    "cli",
  ].flatMap((folder) =>
    ["pg", "@prisma/adapter-pg", "../../../gen/prisma/client.js"].map((name) => bad(`${folder}/x.ts`, name, DATABASE)),
  ),
  good("services/server/store/x.ts", "pg"),
  good("services/server/store/read/x.ts", "../../../../gen/prisma/client.js"),
  good("db/x.ts", "pg"),
  // Generated types.
  ...[
    "services/server/jobs",
    "services/server/store",
    "services/common",
    "services/provisioner/providers/docker",
    "db",
  ].flatMap((folder) =>
    ["services/loom/v1/job.js", "web/loom/v1/job_pb.js"].map((name) =>
      bad(`${folder}/x.ts`, `../../../../gen/${name}`, GENERATED),
    ),
  ),
  good("services/server/rpc/handlers/x.ts", "../../../../gen/services/loom/v1/job.js"),
  good("services/provisioner/worker/x.ts", "../../../gen/services/loom/internal/v1/worker.js"),
  bad("services/server/rpc/x.ts", "../../../gen/web/loom/v1/job_pb.js", "Services use the types of gen/services"),
  bad("gateway/x.ts", "../gen/services/loom/v1/job.js", "use the types of gen/web"),
  bad("cli/x.ts", "../gen/services/loom/v1/job.js", "use the types of gen/web"),
  good("gateway/x.ts", "../gen/web/loom/v1/job_pb.js"),
  good("services/standalone/x.ts", "../../gen/web/loom/v1/job_pb.js"),
  bad("services/standalone/x.ts", "../../gen/services/loom/v1/job.js", "use the types of gen/web"),
  good("cli/x.ts", "../gen/web/loom/v1/job_pb.js"),
  // Who knows whom.
  ...[
    "services/common",
    "services/server",
    "services/server/rpc",
    "services/server/store",
    "services/server/plan",
    "services/provisioner",
  ].flatMap((folder) => [
    bad(`${folder}/x.ts`, `${"../".repeat(folder.split("/").length)}cli/main.js`, FRONT),
    bad(`${folder}/x.ts`, `${"../".repeat(folder.split("/").length)}gateway/main.js`, FRONT),
  ]),
  good("services/standalone/x.ts", "../../gateway/main.js"),
  bad("services/common/x.ts", "../server/views.js", "knows none of them"),
  bad(
    "services/server/jobs/x.ts",
    "../../provisioner/providers/provider.js",
    "knows provisioners only by the contract",
  ),
  bad("services/provisioner/worker/x.ts", "../../server/workers/types.js", "knows the server only by the contract"),
  bad("services/server/rpc/handlers/x.ts", "../../store/log.js", "no layer is skipped"),
  bad("services/server/store/read/x.ts", "../../rpc/names.js", "knows nothing of transports"),
  bad("services/server/jobs/x.ts", "@grpc/grpc-js", GRPC),
  bad("services/provisioner/providers/docker/x.ts", "@grpc/grpc-js", GRPC),
  bad("cli/commands/x.ts", "../../services/server/store/log.js", "through its API"),
  bad("cli/commands/x.ts", "../../services/standalone/main.js", "through its API"),
  good("cli/commands/x.ts", "../../services/server/plan/types.js"),
  good("cli/commands/provisioner.ts", "../../services/standalone/joined.js"),
  bad("gateway/x.ts", "../services/server/application.js", "through their contract"),
  good("gateway/x.ts", "../services/common/errors.js"),
  // What holds everywhere.
  {
    file: "cli/cycle-a.ts",
    source: `import { b } from "./cycle-b.js";\nexport const a = (): unknown => b;\n`,
    finding: "cycle",
  },
  {
    file: "cli/cycle-b.ts",
    source: `import { a } from "./cycle-a.js";\nexport const b = (): unknown => a;\n`,
    finding: "cycle",
  },
  {
    file: "cli/x.ts",
    source: `const work = async (): Promise<void> => {};\nexport const start = (): void => {\n  work();\n};\n`,
    finding: "Promises must be awaited",
  },
  {
    file: "cli/x.ts",
    source: `import { Server } from "node:net";\nexport type Kept = Server;\n`,
    finding: "are only used as types",
  },
];

interface Diagnostic {
  readonly message: string;
  readonly help?: string;
  readonly filename: string;
}

describe("layers", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-layers-"));
    for (const name of [".oxlintrc.json", "tsconfig.json"]) copyFileSync(name, join(folder, name));
    symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("are what the linter enforces", () => {
    // A number in the name keeps the planted files of one folder apart; the rules do not look at it.
    const paths = PLANTED.map(({ file }, index) =>
      file.endsWith("/x.ts") || file.endsWith("/x.test.ts") ? file.replace("/x.", `/x${index}.`) : file,
    );
    PLANTED.forEach(({ source }, index) => {
      const path = join(folder, paths[index]!);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, source, { flag: "wx" });
    });
    const args = ["--type-aware", "--format", "json", "services", "gateway", "cli", "db"];
    const { stdout, stderr } = spawnSync("node_modules/.bin/oxlint", args, { cwd: folder, encoding: "utf8" });
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
    const wrong = PLANTED.flatMap(({ source, finding }, index) => {
      const found = diagnostics
        .filter(({ filename }) => filename === paths[index])
        .map(({ message, help }) => `${message} ${help ?? ""}`);
      const right = finding === undefined ? found.length === 0 : found.some((text) => text.includes(finding));
      return right
        ? []
        : [
            `${paths[index]}: ${source.split("\n", 1)[0]}\n  expected ${finding ?? "nothing"}\n  found ${found.join("; ") || "nothing"}`,
          ];
    });
    assert.deepEqual(wrong, [], stderr);
  });
});
