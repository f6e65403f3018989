/**
 * `make bench`: measures Loom, part by part, and writes what it finds into docs/benchmarks.
 *
 *     make bench                          everything, in about ten minutes; the machine should do nothing else
 *     make bench BENCH_ARGS="jobs start"  some parts
 *     make bench BENCH_ARGS="--quick"     everything with small sizes; writes nothing
 *     make bench BENCH_ARGS="page"        only makes plots and tables again from the results
 *
 * `--out FOLDER` writes to another folder than docs.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readEnvironment } from "./environment.js";
import { jobsFigure, layoutFigure, planFigure } from "./figures.js";
import { run as jobs } from "./jobs.js";
import { run as layout } from "./layout.js";
import { run as lists } from "./lists.js";
import { makeManyClusters, type ManyClusters } from "./many-clusters.js";
import { rewrite } from "./markdown.js";
import { sections } from "./page.js";
import { run as plan } from "./plan.js";
import { PARTS, readResults, writeResults, type Part, type PartResults, type Results } from "./results.js";
import { run as start } from "./start.js";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs the parts one after the other and hands on what is known after each: a late failure loses nothing. */
async function measure(
  wanted: readonly Part[],
  quick: boolean,
  known: Results,
  save: (results: Results) => Promise<void>,
): Promise<void> {
  let many: Promise<ManyClusters> | undefined;
  const manyClusters = (): Promise<ManyClusters> => (many ??= makeManyClusters(quick ? 100 : 1000, 10, say));
  const runs: { readonly [P in Part]: () => PartResults[P] | Promise<PartResults[P]> } = {
    layout: () => layout(say),
    plan: () => plan(say),
    jobs: () => jobs(say, quick),
    start: async () => start(say, quick, await manyClusters()),
    lists: async () => lists(say, quick, await manyClusters()),
  };
  let results = known;
  try {
    const on = await readEnvironment();
    say(`${on.cpu}, ${on.cores} cores, PostgreSQL ${on.postgresql}, load before ${on.loadBefore.toFixed(2)}`);
    for (const part of wanted) {
      say(`\n== ${part}`);
      results = { ...results, [part]: { on, found: await runs[part]() } };
      await save(results);
    }
  } finally {
    (await many?.catch(() => undefined))?.remove();
  }
}

async function write(folder: string, results: Results): Promise<void> {
  const place = join(folder, "benchmarks");
  const page = join(folder, "benchmarks.md");
  mkdirSync(place, { recursive: true });
  if (!existsSync(page)) copyFileSync(join(DOCS, "benchmarks.md"), page);
  await writeResults(join(place, "results.json"), results);
  if (results.layout !== undefined) writeFileSync(join(place, "layout.svg"), layoutFigure(results.layout.found));
  if (results.plan !== undefined) writeFileSync(join(place, "plan.svg"), planFigure(results.plan.found));
  if (results.jobs !== undefined) writeFileSync(join(place, "jobs.svg"), jobsFigure(results.jobs.found));
  writeFileSync(page, rewrite(readFileSync(page, "utf8"), sections(results)));
}

const { values, positionals } = parseArgs({
  options: { quick: { type: "boolean" }, out: { type: "string" } },
  allowPositionals: true,
});
const quick = values.quick === true;
const unknown = positionals.find((each) => each !== "page" && !PARTS.includes(each as Part));
if (unknown !== undefined) throw new Error(`there is no part ${unknown}; there are ${PARTS.join(", ")} and page`);
const wanted = positionals.length === 0 ? PARTS : PARTS.filter((part) => positionals.includes(part));
const folder = values.out ?? DOCS;
const known = readResults(join(folder, "benchmarks", "results.json"));
// Figures of small sizes are for trying the benchmarks out.
const isWritten = !quick || values.out !== undefined;
if (wanted.length === 0) await write(folder, known);
else await measure(wanted, quick, known, (results) => (isWritten ? write(folder, results) : Promise.resolve()));
say(
  isWritten
    ? `\nwritten: ${join(folder, "benchmarks.md")}`
    : "\nnothing is written of a quick run; --out FOLDER writes it there",
);
process.exit();
