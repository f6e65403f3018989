/** Lines of logs with a prefix that tells where they come from, coloured by node. */
import { ReadLogsResponse_Stream as Stream, type ReadLogsResponse } from "../../gen/web/loom/v1/job_pb.js";
import { nodeStyle, type Palette } from "./colour.js";

/** What a script may do to the terminal is colour, nothing else: no cursor moves, no titles, no bells. */
export function withoutControls(text: string, colours: boolean): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- operating system commands, with either end
      .replace(/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g, "")
      // oxlint-disable-next-line no-control-regex -- control sequences; those ending in m are colours
      .replace(/\u001b\[[0-9;:?]*([A-Za-z])/g, (sequence, end: string) => (end === "m" && colours ? sequence : ""))
      // oxlint-disable-next-line no-control-regex -- every other control character but tab and escape
      .replace(/[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]/g, "")
      // oxlint-disable-next-line no-control-regex -- escapes that begin no colour; what stood between may have hidden one
      .replace(colours ? /\u001b(?!\[[0-9;:]*m)/g : /\u001b/g, "")
  );
}

type Piece = Pick<ReadLogsResponse, "task" | "attempt" | "node" | "service" | "action" | "stream" | "text">;

/** `1001/web/install`; with `#2` from the second try on. */
function prefixOf(piece: Piece): string {
  const tries = piece.attempt > 1 ? `#${piece.attempt}` : "";
  return [
    String(piece.node),
    ...(piece.service === "" ? [] : [piece.service]),
    `${piece.action.toLowerCase()}${tries}`,
  ].join("/");
}

export interface LogPrinter {
  /** Prints the lines a piece completes. */
  add(piece: Piece): void;
  /** Prints what is left of lines without an end. */
  end(): void;
}

/** Prints whole lines, however the pieces are cut: lines of several nodes never run into each other. */
export function createLogPrinter(print: (line: string) => void, palette: Palette, prefix: boolean): LogPrinter {
  const open = new Map<string, { piece: Piece; rest: string }>();
  let width = 0;
  const printLine = (piece: Piece, text: string): void => {
    const clean = withoutControls(text, palette.enabled);
    const body = piece.stream === Stream.STDERR && !clean.includes("\u001b") ? palette.red(clean) : clean;
    const reset = palette.enabled && clean.includes("\u001b") ? "\u001b[0m" : "";
    if (!prefix) return print(`${body}${reset}`);
    const label = prefixOf(piece);
    width = Math.max(width, label.length);
    print(`${nodeStyle(piece.node, palette)(`${label.padEnd(width)} |`)} ${body}${reset}`.trimEnd());
  };
  return {
    add: (piece) => {
      const key = `${piece.task} ${piece.attempt} ${piece.stream}`;
      const lines = ((open.get(key)?.rest ?? "") + piece.text).split("\n");
      const rest = lines.pop()!;
      // A carriage return draws a line again; the last drawing is what a person saw.
      for (const line of lines) printLine(piece, line.replace(/\r$/, "").replace(/^[\s\S]*\r/, ""));
      open.set(key, { piece, rest });
    },
    end: () => {
      for (const { piece, rest } of open.values()) if (rest !== "") printLine(piece, rest);
      open.clear();
    },
  };
}
