/** Plots of growth: both axes logarithmic, as SVG that is read on light and on dark pages. Pure. */

export interface Series {
  readonly label: string;
  /** (x, y), both above 0, in order of x. A single point is drawn as a mark; a `level` has one y for every x. */
  readonly points: readonly (readonly [number, number])[] | { readonly level: number };
  /** Solid for what is measured, dashed for its extremes, dotted for what it is held against. */
  readonly line: "solid" | "dashed" | "dotted";
  /** Series of one colour belong together, from 0. */
  readonly colour: number;
}

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const WIDTH = 820;
const HEIGHT = 440;
const LEFT = 72;
const RIGHT = 224;
const TOP = 48;
const BOTTOM = 56;
/** Distance between labels of lines, so that none covers another. */
const LABEL_STEP = 17;

/** For each series colour on light and on dark: told apart by people who see fewer colours too (Okabe and Ito). */
const COLOURS: readonly (readonly [string, string])[] = [
  ["#0072b2", "#56b4e9"],
  ["#c04e00", "#ff9e64"],
  ["#007a5a", "#3ddc97"],
  ["#6b6b6b", "#a8adb4"],
];

const STYLE = [
  "text { font: 13px system-ui, sans-serif; fill: #24292f }",
  ".title { font-size: 16px; font-weight: 600 }",
  ".page { fill: #ffffff } .grid { stroke: #d8dee4 } .frame { stroke: #8c959f; fill: none }",
  ...COLOURS.map(([light], index) => `.s${index} { stroke: ${light} } .f${index} { fill: ${light} }`),
  "@media (prefers-color-scheme: dark) {",
  "text { fill: #e6edf3 } .page { fill: #0d1117 } .grid { stroke: #2b323b } .frame { stroke: #6e7681 }",
  ...COLOURS.map(([, dark], index) => `.s${index} { stroke: ${dark} } .f${index} { fill: ${dark} }`),
  "}",
].join("\n");

interface Axis {
  readonly least: number;
  readonly most: number;
  readonly ticks: readonly number[];
}

/** From one round number to another, with ticks at powers of ten, and between them where there are few. */
function axis(values: readonly number[]): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const rounds = (of: readonly number[]): number[] => {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power += 1) {
      for (const step of of) found.push(Number((step * 10 ** power).toPrecision(3)));
    }
    return found;
  };
  const least = rounds([1, 2, 5]).findLast((round) => round <= low)!;
  const most = rounds([1, 2, 5]).find((round) => round >= high * 1.05 || round === high)!;
  const inside = (of: readonly number[]): number[] => rounds(of).filter((round) => round >= least && round <= most);
  const ticks = inside([1]).length >= 3 ? inside([1]) : inside([1, 2, 5]);
  return { least, most, ticks };
}

const DASHES = { solid: "", dashed: ' stroke-dasharray="6 4"', dotted: ' stroke-dasharray="2 4"' };

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const number = (value: number): string => value.toLocaleString("en", { maximumSignificantDigits: 3 });
const at = (value: number): string => value.toFixed(1);

/** Moves labels apart, up and down as little as the ones before allow. */
function spread(wanted: readonly number[]): number[] {
  const order = wanted.map((y, index) => ({ y, index })).toSorted((a, b) => a.y - b.y);
  for (const [place, label] of order.entries()) {
    if (place > 0) label.y = Math.max(label.y, order[place - 1]!.y + LABEL_STEP);
  }
  const over = Math.max(0, (order.at(-1)?.y ?? 0) - (HEIGHT - BOTTOM));
  for (let place = order.length - 1, limit = Number.POSITIVE_INFINITY; over > 0 && place >= 0; place -= 1) {
    const label = order[place]!;
    label.y = Math.min(label.y, limit, HEIGHT - BOTTOM);
    limit = label.y - LABEL_STEP;
  }
  const placed: number[] = [];
  for (const { y, index } of order) placed[index] = y;
  return placed;
}

export function plot({ title, x, y, series }: Plot): string {
  const points = series.flatMap((each) => ("level" in each.points ? [] : [...each.points]));
  const levels = series.flatMap((each) => ("level" in each.points ? [each.points.level] : []));
  const xAxis = axis(points.map(([value]) => value));
  const yAxis = axis([...points.map(([, value]) => value), ...levels]);
  const place = (value: number, { least, most }: Axis): number => Math.log(value / least) / Math.log(most / least);
  const xAt = (value: number): number => LEFT + place(value, xAxis) * (WIDTH - LEFT - RIGHT);
  const yAt = (value: number): number => HEIGHT - BOTTOM - place(value, yAxis) * (HEIGHT - BOTTOM - TOP);

  const grid = [
    ...xAxis.ticks.map((tick) => {
      const line = `<line class="grid" x1="${at(xAt(tick))}" x2="${at(xAt(tick))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`;
      return `${line}<text x="${at(xAt(tick))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${number(tick)}</text>`;
    }),
    ...yAxis.ticks.map((tick) => {
      const line = `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(yAt(tick))}" y2="${at(yAt(tick))}"/>`;
      return `${line}<text x="${LEFT - 8}" y="${at(yAt(tick) + 4)}" text-anchor="end">${number(tick)}</text>`;
    }),
  ];
  const drawn = series.map((each) => {
    const list =
      "level" in each.points
        ? [[xAxis.least, each.points.level] as const, [xAxis.most, each.points.level] as const]
        : each.points;
    const path = list.map(([a, b]) => `${at(xAt(a))},${at(yAt(b))}`).join(" ");
    const line =
      list.length < 2
        ? ""
        : `<polyline class="s${each.colour}" points="${path}" fill="none" stroke-width="2"${DASHES[each.line]}/>`;
    const marked = "level" in each.points || each.line === "dashed" ? [] : list;
    return (
      line +
      marked.map(([a, b]) => `<circle class="f${each.colour}" cx="${at(xAt(a))}" cy="${at(yAt(b))}" r="3.5"/>`).join("")
    );
  });
  const ends = series.map((each) =>
    "level" in each.points ? ([xAxis.most, each.points.level] as const) : each.points.at(-1)!,
  );
  const labelYs = spread(ends.map(([, value]) => yAt(value)));
  const labels = series.map((each, index) => {
    const [endX, endY] = [xAt(ends[index]![0]), yAt(ends[index]![1])];
    const labelX = WIDTH - RIGHT + 22;
    const leader = `<line class="s${each.colour}" x1="${at(endX + 5)}" y1="${at(endY)}" x2="${at(labelX - 4)}" y2="${at(labelYs[index]!)}" stroke-width="0.7" opacity="0.7"/>`;
    return `${leader}<text x="${labelX}" y="${at(labelYs[index]! + 4)}">${escape(each.label)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${LEFT}" y="28">${escape(title)}</text>`,
    ...grid,
    `<rect class="frame" x="${LEFT}" y="${TOP}" width="${WIDTH - LEFT - RIGHT}" height="${HEIGHT - BOTTOM - TOP}"/>`,
    ...drawn,
    ...labels,
    `<text x="${LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escape(x)}</text>`,
    `<text transform="translate(20 ${TOP + (HEIGHT - BOTTOM - TOP) / 2}) rotate(-90)" text-anchor="middle">${escape(y)}</text>`,
    "</svg>",
    "",
  ].join("\n");
}
