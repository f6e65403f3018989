/** Widths of text on a terminal. */

// oxlint-disable-next-line no-control-regex -- escape sequences are what this looks for
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]+/g;
const WIDE =
  /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

/** Columns a text takes on a terminal, colours not counted. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replace(ESCAPES, "")) {
    if (/\p{M}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** One line without control characters, so that no value can move the cursor or break a table. */
export function oneLine(text: string): string {
  return text.replace(ESCAPES, "").replace(CONTROLS, " ").trim();
}

/** A text without colours, cut to a width and ended with an ellipsis where something was cut off. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width <= 1) return width === 1 ? "…" : "";
  let taken = "";
  let used = 0;
  for (const character of text) {
    const step = widthOf(character);
    if (used + step > width - 1) break;
    taken += character;
    used += step;
  }
  return `${taken.trimEnd()}…`;
}

/** A text filled up with blanks on the right. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Words of a text on lines of at most `width`; a longer word has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
