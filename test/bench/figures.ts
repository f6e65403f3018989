/** The plots of docs/benchmarks.md. */
import { GOALS, OLDER_SYSTEM } from "./goals.js";
import { plot, type Series } from "./plot.js";
import type { PartResults } from "./results.js";

type Point = readonly [number, number];

export function layoutFigure({ rows }: PartResults["layout"]): string {
  const densities = [...new Set(rows.map((row) => row.density))];
  const series = densities.flatMap((density, colour): Series[] => {
    const own = rows.filter((row) => row.density === density);
    const percent = `${Math.round(density * 100)} %`;
    return [
      { label: `${percent}, median`, colour, line: "solid", points: own.map((row): Point => [row.size, row.medianMs]) },
      {
        label: `${percent}, slowest of 20`,
        colour,
        line: "dashed",
        points: own.map((row): Point => [row.size, row.maxMs]),
      },
    ];
  });
  return plot({
    title: "Layout: 25 services, by share of pairs that never share a node",
    x: "nodes",
    y: "milliseconds",
    series: [
      ...series,
      { label: "goal at 10,000 nodes", colour: 3, line: "dotted", points: { level: GOALS.layoutMs } },
    ],
  });
}

export function planFigure({ rows }: PartResults["plan"]): string {
  return plot({
    title: "Plan: 14 tasks a node, dependencies between all services",
    x: "nodes",
    y: "milliseconds",
    series: [
      { label: "median", colour: 0, line: "solid", points: rows.map((row): Point => [row.nodes, row.medianMs]) },
      { label: "slowest", colour: 0, line: "dashed", points: rows.map((row): Point => [row.nodes, row.maxMs]) },
      { label: "goal at 10,000 nodes", colour: 3, line: "dotted", points: { level: GOALS.planMs } },
    ],
  });
}

export function jobsFigure({ rows, database }: PartResults["jobs"]): string {
  const single = rows.filter((row) => row.clusters === 1);
  const rate = (row: (typeof rows)[number], ms: number): Point => [row.nodes, (row.tasks / ms) * 1000];
  return plot({
    title: "Create: instant tasks, five a node",
    x: "nodes",
    y: "tasks a second; commits a second",
    series: [
      { label: "tasks, median", colour: 0, line: "solid", points: single.map((row) => rate(row, row.medianMs)) },
      { label: "tasks, slowest run", colour: 0, line: "dashed", points: single.map((row) => rate(row, row.maxMs)) },
      ...(database ?? []).map(({ clients, commitsPerSecond }, index): Series => ({
        label: `pgbench commits, ${clients} at once`,
        colour: index + 1,
        line: "dotted",
        points: { level: commitsPerSecond },
      })),
      { label: "goal", colour: 3, line: "dotted", points: { level: GOALS.tasksPerSecond } },
      {
        label: "older system, elsewhere",
        colour: 3,
        line: "solid",
        points: OLDER_SYSTEM.map(({ nodes, most }): Point => [nodes, most]),
      },
    ],
  });
}
