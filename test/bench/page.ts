/** The tables of docs/benchmarks.md, made from the results. Pure. */
import { GOALS, OLDER_SYSTEM } from "./goals.js";
import { figure, percent, table } from "./markdown.js";
import { PARTS, type PartResults, type Results } from "./results.js";

/** Every section that has results; the others stay as they are. */
export function sections(results: Results): Record<string, string> {
  const { layout, plan, jobs, start, lists } = results;
  return {
    machine: machine(results),
    goals: goals(results),
    ...(layout === undefined ? {} : { layout: layoutTable(layout.found) }),
    ...(plan === undefined ? {} : { plan: planTable(plan.found) }),
    ...(jobs === undefined
      ? {}
      : { jobs: jobsTables(jobs.found), cost: costTables(jobs.found), profile: profileTables(jobs.found) }),
    ...(start === undefined ? {} : { start: startTables(start.found) }),
    ...(lists === undefined ? {} : { lists: listsTables(lists.found) }),
  };
}

function machine(results: Results): string {
  const ran = PARTS.flatMap((part) => (results[part] === undefined ? [] : [{ part, ...results[part].on }]));
  const newest = ran.toSorted((a, b) => b.date.localeCompare(a.date))[0];
  if (newest === undefined) return "Nothing has been measured yet.";
  const settings = Object.entries(newest.settings).map(([name, value]) => `${name} ${value}`);
  const facts = table(
    ["machine", ""],
    [
      ["processor", `${newest.cpu}, ${newest.cores} cores`],
      ["memory", `${figure(newest.memoryGb)} GB`],
      ["kernel", newest.kernel],
      ["file system", newest.fileSystem],
      ["Node", newest.node],
      ["PostgreSQL", `${newest.postgresql}: ${settings.join(", ")}`],
    ],
  ).replace("|---|---:|", "|---|---|");
  const when = table(
    ["part", "date", "commit", "load before"],
    ran.map((each) => [each.part, each.date.replace("T", " "), each.commit, each.loadBefore.toFixed(2)]),
  );
  return `${facts}\n\n${when}`;
}

/** Whether `value` is at most `goal`, or by how much not. */
const atMost = (value: number, goal: number): string =>
  value <= goal ? "yes" : `no, ${figure(value / goal)} times the goal`;
const atLeast = (value: number, goal: number): string =>
  value >= goal ? "yes" : `no, ${figure(value / goal)} of the goal`;

function goals({ layout, plan, jobs, lists }: Results): string {
  const rows: string[][] = [];
  for (const row of layout?.found.rows.filter(({ size }) => size === 10_000) ?? []) {
    const what = `layout of 10,000 nodes, density ${percent(row.density)}`;
    const goal = `${GOALS.layoutMs} ms`;
    rows.push([`${what}, median`, goal, `${figure(row.medianMs)} ms`, atMost(row.medianMs, GOALS.layoutMs)]);
    rows.push([`${what}, slowest`, goal, `${figure(row.maxMs)} ms`, atMost(row.maxMs, GOALS.layoutMs)]);
  }
  for (const row of plan?.found.rows.filter(({ nodes }) => nodes === 10_000) ?? []) {
    rows.push([
      "plan of 10,000 nodes, slowest",
      `${figure(GOALS.planMs)} ms`,
      `${figure(row.maxMs)} ms`,
      atMost(row.maxMs, GOALS.planMs),
    ]);
  }
  for (const row of jobs?.found.rows ?? []) {
    const goal = `${figure(GOALS.tasksPerSecond)} tasks/s`;
    rows.push([
      `create ${made(row)}`,
      goal,
      `${figure(row.tasksPerSecond)} tasks/s`,
      atLeast(row.tasksPerSecond, GOALS.tasksPerSecond),
    ]);
  }
  for (const row of lists?.found.latencies ?? []) {
    rows.push([
      `list: ${row.what}, p99`,
      `${GOALS.listP99Ms} ms`,
      `${figure(row.p99Ms)} ms`,
      atMost(row.p99Ms, GOALS.listP99Ms),
    ]);
  }
  return table(["what", "goal", "measured", "met"], rows);
}

function layoutTable({ rows }: PartResults["layout"]): string {
  return table(
    ["nodes", "density", "solved", "no solution", "given up", "median ms", "slowest ms"],
    rows.map((row) => [
      figure(row.size),
      percent(row.density),
      String(row.solved),
      String(row.unsatisfiable),
      String(row.tooHard),
      figure(row.medianMs),
      figure(row.maxMs),
    ]),
  );
}

function planTable({ rows }: PartResults["plan"]): string {
  return table(
    ["nodes", "tasks", "edges", "median ms", "slowest ms"],
    rows.map((row) => [row.nodes, row.tasks, row.edges, row.medianMs, row.maxMs].map(figure)),
  );
}

type JobRow = PartResults["jobs"]["rows"][number];
const made = ({ clusters, nodes }: JobRow): string =>
  clusters === 1
    ? `1 cluster of ${figure(nodes)} nodes`
    : `${figure(clusters)} clusters of ${figure(nodes)} nodes at once`;

function jobsTables({ rows, database }: PartResults["jobs"]): string {
  const older = (row: JobRow): string => {
    const known = row.clusters === 1 ? OLDER_SYSTEM.find(({ nodes }) => nodes === row.nodes) : undefined;
    if (known === undefined) return "";
    return known.least === known.most ? String(known.most) : `${known.least} to ${known.most}`;
  };
  const ratios = (row: JobRow): string[] =>
    (database ?? []).map(({ commitsPerSecond }) => figure(row.tasksPerSecond / commitsPerSecond));
  const speed = table(
    [
      "created",
      "tasks",
      "runs",
      "answer ms",
      "median ms",
      "slowest ms",
      "tasks/s",
      ...(database ?? []).map(({ clients }) => `per commit, ${clients} at once`),
      "older system, tasks/s",
    ],
    rows.map((row) => [
      made(row),
      figure(row.tasks),
      String(row.runs),
      figure(row.answeredMs),
      figure(row.medianMs),
      figure(row.maxMs),
      figure(row.tasksPerSecond),
      ...ratios(row),
      older(row),
    ]),
  );
  const commits =
    database === undefined
      ? "pgbench was not installed where this ran."
      : table(
          ["pgbench, clients at once", "commits/s"],
          database.map(({ clients, commitsPerSecond }) => [String(clients), figure(commitsPerSecond)]),
        );
  return `${speed}\n\n${commits}`;
}

function costTables({ rows, tables, statements }: PartResults["jobs"]): string {
  const memory = table(
    [
      "created",
      "Loom, peak MB",
      "PostgreSQL, peak MB",
      "Loom, cores",
      "PostgreSQL, cores",
      "bytes a task",
      "bytes of WAL a task",
    ],
    rows.map((row) => [
      made(row),
      figure(row.loomPeakMb),
      figure(row.databasePeakMb),
      figure(row.loomCores),
      figure(row.databaseCores),
      figure(row.bytesPerTask),
      figure(row.walBytesPerTask),
    ]),
  );
  const bytes = table(
    ["table with its indexes", "bytes a task"],
    tables.map((row) => [row.table, figure(row.bytesPerTask)]),
  );
  const total = statements.rows.reduce((sum, row) => sum + row.statements, 0);
  const said = table(
    [`transaction, ${figure(statements.nodes)} nodes`, "statements", "statements a task"],
    [...statements.rows, { name: "together", statements: total }].map((row) => [
      row.name,
      figure(row.statements),
      figure(row.statements / statements.tasks),
    ]),
  );
  return `${memory}\n\n${bytes}\n\n${said}`;
}

function profileTables({ profile }: PartResults["jobs"]): string {
  const parts = table(
    [`${figure(profile.nodes)} nodes, ${figure(profile.wallMs)} ms`, "share of the time"],
    profile.main.map(({ part, share }) => [part, percent(share)]),
  );
  const functions = table(
    ["function", "share of the time, its own"],
    profile.functions.map(({ name, share }) => [`\`${name}\``, percent(share)]),
  );
  const database = table(
    ["PostgreSQL meanwhile", ""],
    [
      ["CPU time, of one core", percent(profile.databaseCpu)],
      ["statements under way, on average", figure(profile.statementsUnderWay)],
      ["commits a task", figure(profile.commitsPerTask)],
    ],
  );
  return `${parts}\n\n${database}\n\n${functions}`;
}

function startTables({ starts, commands }: PartResults["start"]): string {
  const loom = table(
    ["Loom on", "runs", "up, median ms", "up, slowest ms", "first answer, median ms", "stopped, median ms"],
    starts.map((row) => [
      row.what,
      String(row.runs),
      ...[row.upMedianMs, row.upMaxMs, row.answeredMedianMs, row.stopMedianMs].map(figure),
    ]),
  );
  const command = table(
    ["command", "runs", "median ms", "slowest ms", "CPU ms"],
    commands.map((row) => [
      `\`${row.what}\``,
      String(row.runs),
      ...[row.wallMedianMs, row.wallMaxMs, row.cpuMs].map(figure),
    ]),
  );
  return `${loom}\n\n${command}`;
}

function listsTables({ latencies, pages, delays }: PartResults["lists"]): string {
  const requests = table(
    ["request", "requests", "items", "p50 ms", "p99 ms", "slowest ms"],
    latencies.map((row) => [row.what, ...[row.requests, row.items, row.p50Ms, row.p99Ms, row.maxMs].map(figure)]),
  );
  const whole = table(
    ["read to the end", "items", "pages", "together ms", "a page, median ms", "a page, slowest ms"],
    pages.map((row) => [row.what, ...[row.items, row.pages, row.totalMs, row.pageMedianMs, row.pageMaxMs].map(figure)]),
  );
  const heard = table(
    ["a watcher hears of the", "events", "p50 ms", "p99 ms", "slowest ms"],
    delays.map((row) => [row.what, ...[row.events, row.p50Ms, row.p99Ms, row.maxMs].map(figure)]),
  );
  return `${requests}\n\n${whole}\n\n${heard}`;
}
