/**
 * `make catalog-test`: every template of the shipped catalog on real containers, with everything that can be done to a
 * cluster. Prints a table of times; where all was run and all is well the table is written to docs/catalog.md.
 *
 *   node --import tsx test/catalog/main.ts [TEMPLATE]...
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ensureDocker } from "../../tools/test/docker.js";
import { spawnSync } from "node:child_process";
import { LoomProcess } from "../support/loom-process.js";
import { timesTable, withTimes } from "./page.js";
import { runSteps, type Outcome } from "./steps.js";
import { TEMPLATES } from "./templates.js";

const PAGE = fileURLToPath(new URL("../../docs/catalog.md", import.meta.url));
const DOCKER_STATE = "node_modules/.cache/loom-catalog-docker";
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !TEMPLATES.some(({ template }) => template === name));
if (unknown.length > 0) {
  say(
    `There is no template ${unknown.join(", ")}. There are: ${TEMPLATES.map(({ template }) => template).join(", ")}.`,
  );
  process.exit(2);
}
const daemon = ensureDocker(DOCKER_STATE);
if (daemon.missing !== undefined) {
  say(`Docker is needed: ${daemon.missing}`);
  process.exit(1);
}
const outcomes: Outcome[] = [];
const loom = new LoomProcess();
try {
  if (spawnSync("sh", ["tools/docker/debian-image.sh"], { stdio: "inherit" }).status !== 0) process.exit(1);
  await loom.up("--no-farm");
  for (const subject of TEMPLATES) {
    if (asked.length > 0 && !asked.includes(subject.template)) continue;
    say(`\n== ${subject.template}`);
    outcomes.push(await runSteps(loom, subject, say));
  }
} finally {
  await loom.destroy();
  daemon.stop();
}
say(`\n${timesTable(outcomes)}`);
const bad = outcomes.filter(({ failure, left }) => failure !== undefined || left.length > 0);
for (const { template, failure, left } of bad)
  say(`${template}: ${failure === undefined ? `left ${left.join(", ")}` : `${failure.step}: ${failure.message}`}`);
if (bad.length > 0) process.exitCode = 1;
else if (asked.length === 0) writeFileSync(PAGE, withTimes(readFileSync(PAGE, "utf8"), outcomes));
