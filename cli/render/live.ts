/** A few lines at the bottom of a terminal that are drawn again in place. */
import type { Sink } from "../terminal.js";
import { widthOf } from "./text.js";

const HIDE_CURSOR = "\u001b[?25l";
/** Also written when a command is stopped for good in the middle of a drawing. */
export const SHOW_CURSOR = "\u001b[?25h";
const CLEAR_DOWN = "\u001b[J";

export interface LiveArea {
  /** Replaces what was drawn. Lines must fit the width; those beyond the height are left out. */
  draw(lines: readonly string[]): void;
  /** Prints lines that stay, above the area. */
  above(lines: readonly string[]): void;
  /** Ends the drawing: the lines stay or go, and the cursor is shown again. May be called twice. */
  close(keep: boolean): void;
}

/** Lines a text takes on a terminal of this width; a terminal may have become narrower since it was drawn. */
function height(line: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(line) / Math.max(1, columns)));
}

/** A live area on a terminal. Nothing is written before the first drawing. */
export function createLiveArea(sink: Sink): LiveArea {
  let drawn: readonly string[] = [];
  let open = false;
  let closed = false;
  const erase = (): string => {
    const rows = drawn.reduce((sum, line) => sum + height(line, sink.columns ?? 80), 0);
    return `${rows === 0 ? "" : `\u001b[${rows}A`}\r${CLEAR_DOWN}`;
  };
  const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");
  return {
    draw: (next) => {
      if (closed) return;
      const shown = next.slice(0, Math.max(1, (sink.rows ?? 24) - 1));
      sink.write(`${open ? "" : HIDE_CURSOR}${erase()}${lines(shown)}`);
      open = true;
      drawn = shown;
    },
    above: (texts) => {
      sink.write(open && !closed ? `${erase()}${lines(texts)}${lines(drawn)}` : lines(texts));
    },
    close: (keep) => {
      if (open && !closed) sink.write(`${keep ? "" : erase()}${SHOW_CURSOR}`);
      closed = true;
    },
  };
}
