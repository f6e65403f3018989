/** Just enough of the shell's grammar to tell commands from the here-documents among them. Pure. */

/** One line of a script. */
export interface ShellLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** It is part of a here-document, not of the program. */
  readonly isDocument: boolean;
  /** The shell puts values in the place of `$...` here: false in a here-document whose word is quoted. */
  readonly isExpanded: boolean;
}

/** A here-document whose end is nowhere. */
export interface OpenDocument {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly column: number;
  readonly word: string;
  /** The line, from 1, that would be its end but for blanks around it; undefined where there is none. */
  readonly almost: number | undefined;
}

const OPENS = /(?<!<)<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|(\\?)([A-Za-z_]\w*))/g;

/** The lines of a script, and the here-documents that do not end. */
export function readShell(script: string): {
  readonly lines: readonly ShellLine[];
  readonly open: readonly OpenDocument[];
} {
  const lines: ShellLine[] = [];
  const open: OpenDocument[] = [];
  const texts = script.split("\n");
  for (let at = 0; at < texts.length; at += 1) {
    const text = texts[at]!;
    lines.push({ number: at + 1, text, isDocument: false, isExpanded: true });
    if (isComment(text)) continue;
    for (const found of text.matchAll(OPENS)) {
      const [, dash, single, double, backslash, plain] = found;
      const word = single ?? double ?? plain!;
      const isExpanded = single === undefined && double === undefined && backslash === "";
      const isEnd = (line: string): boolean => (dash === "-" ? line.replace(/^\t+/, "") : line) === word;
      const end = texts.findIndex((line, index) => index > at && isEnd(line));
      if (end === -1) {
        const almost = texts.findIndex((line, index) => index > at && line.trim() === word);
        open.push({ line: at + 1, column: found.index + 1, word, almost: almost === -1 ? undefined : almost + 1 });
      }
      // What follows a document without an end belongs to it, as the shell sees it.
      const last = end === -1 ? texts.length - 1 : end;
      for (let inside = at + 1; inside <= last; inside += 1) {
        lines.push({ number: inside + 1, text: texts[inside]!, isDocument: true, isExpanded });
      }
      at = last;
    }
  }
  return { lines, open };
}

/** True where nothing of the line is carried out. */
export function isComment(text: string): boolean {
  return /^\s*(#|$)/.test(text);
}

/** Which lines begin a command of their own: no comments, and no lines that continue others. */
export function commandLines(lines: readonly ShellLine[]): ShellLine[] {
  const program = lines.filter((line) => !line.isDocument && !isComment(line.text));
  return program.filter((_, index) => index === 0 || !/(\\|\||&&|\|\|)\s*$/.test(program[index - 1]!.text));
}

/** The interpreter a script asks for in its first line, without its folder: `sh`, `bash`, `python3`; `sh` where it asks for none. */
export function interpreterOf(script: string): string {
  const found = /^#!\s*(\S+)(?:[ \t]+(\S+))?/.exec(script);
  if (found === null) return "sh";
  const name = found[1]!.split("/").at(-1)!;
  return name === "env" ? (found[2] ?? "sh").split("/").at(-1)! : name;
}
