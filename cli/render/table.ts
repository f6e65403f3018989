/** Tables: columns of a kind of record, rendered to lines of a given width. Pure. */
import { badInput } from "../exit.js";
import { didYouMean } from "../../services/server/catalog/suggest.js";
import { formatAgo } from "../duration.js";
import type { Palette } from "./colour.js";
import { cut, oneLine, pad, widthOf } from "./text.js";

/** What the text of a cell may depend on besides its record. */
export interface RenderContext {
  readonly palette: Palette;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Absolute times in UTC instead of `3m ago`. */
  readonly utc: boolean;
}

/** One column of a table of T. */
export interface Column<T> {
  /** What `--columns` calls it; the heading is the same in capitals. */
  readonly name: string;
  /** Plain text; control characters are taken out and colour is added after. */
  value(record: T, context: RenderContext): string;
  /** Colour for the text of a cell. */
  paint?(text: string, palette: Palette, record: T): string;
  /** Only with `-o wide` or named in `--columns`. */
  readonly wide?: boolean;
  /** May be cut where the terminal is too narrow. */
  readonly flexible?: boolean;
  readonly right?: boolean;
}

/** The columns to show: those named, or all, or all but the wide ones. */
export function pickColumns<T>(columns: readonly Column<T>[], named: string | undefined, wide: boolean): Column<T>[] {
  if (named === undefined) return columns.filter((column) => wide || column.wide !== true);
  const names = named
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const known = columns.map((column) => column.name);
  if (names.length === 0) throw badInput("--columns names no column.", `Columns here: ${known.join(", ")}.`);
  return names.map((name) => {
    const found = columns.find((column) => column.name === name);
    if (found === undefined)
      throw badInput(
        `There is no column ${name}. ${didYouMean(name, known)}`.trimEnd(),
        `Columns here: ${known.join(", ")}.`,
      );
    return found;
  });
}

const GAP = "  ";
/** A flexible column keeps so many characters. */
const LEAST = 5;

/** Takes from the widest flexible column until the line fits. */
function fit<T>(columns: readonly Column<T>[], widths: number[], room: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - room;
  while (excess > 0) {
    let widest = -1;
    widths.forEach((width, i) => {
      if (columns[i]!.flexible === true && width > LEAST && (widest < 0 || width > widths[widest]!)) widest = i;
    });
    if (widest < 0) return;
    const step = Math.min(excess, widths[widest]! - LEAST);
    const next = Math.max(
      ...widths.map((width, i) =>
        i !== widest && columns[i]!.flexible === true && width < widths[widest]! ? width : LEAST,
      ),
    );
    const taken = Math.max(1, Math.min(step, widths[widest]! - next));
    widths[widest]! -= taken;
    excess -= taken;
  }
}

export interface TableOptions {
  readonly header: boolean;
  /** Columns of the terminal; undefined for no limit. */
  readonly width?: number | undefined;
  /** Widths to keep at least, so that lines printed one by one stay in line. */
  readonly widths?: number[];
}

/** The lines of a table. `widths` of the options, where given, are raised to what was used. */
export function tableLines<T>(
  columns: readonly Column<T>[],
  records: readonly T[],
  context: RenderContext,
  options: TableOptions,
): string[] {
  const cells = records.map((record) => columns.map((column) => oneLine(column.value(record, context))));
  const widths = columns.map((column, i) =>
    Math.max(
      options.widths?.[i] ?? 0,
      options.header ? column.name.length : 0,
      ...cells.map((row) => widthOf(row[i]!)),
    ),
  );
  options.widths?.splice(0, options.widths.length, ...widths);
  if (options.width !== undefined) fit(columns, widths, options.width);
  const line = (texts: readonly string[], paint: (text: string, i: number) => string): string =>
    texts
      .map((text, i) => {
        const short = cut(text, widths[i]!);
        const blanks = " ".repeat(Math.max(0, widths[i]! - widthOf(short)));
        const painted = paint(short, i);
        if (columns[i]!.right === true) return blanks + painted;
        return i === texts.length - 1 ? painted : painted + blanks;
      })
      .join(GAP)
      .trimEnd();
  const lines = cells.map((row, r) =>
    line(row, (text, i) => columns[i]!.paint?.(text, context.palette, records[r]!) ?? text),
  );
  if (options.header)
    lines.unshift(
      line(
        columns.map((column) => column.name.toUpperCase()),
        (text) => context.palette.bold(text),
      ),
    );
  return lines;
}

/** Lines of `key: value`, values under each other; empty values are left out. */
export function fieldLines(fields: readonly (readonly [string, string])[], palette: Palette, indent = ""): string[] {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([key]) => key.length)) + 1;
  return shown.map(([key, value]) => `${indent}${palette.dim(pad(`${key}:`, width))} ${value}`);
}

/** A moment as people read it: relative, or absolute in UTC. Empty where there is none. */
export function moment(milliseconds: number | undefined, context: Pick<RenderContext, "now" | "utc">): string {
  if (milliseconds === undefined) return "";
  if (!context.utc) return formatAgo(milliseconds, context.now);
  return new Date(milliseconds)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}
