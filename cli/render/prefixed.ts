/** Output of several nodes at once: whole lines, each with the node it comes from. */

/** A line without an end is printed in pieces of so many bytes. */
const LONGEST_LINE = 64 * 1024;
const LINE_END = 10;

export interface PrefixedOutput {
  /** The lines that these bytes complete, with their ends; empty where there are none. */
  add(bytes: Uint8Array): Buffer;
  /** What is left of a line without an end. */
  rest(): Buffer;
}

/** @param prefix before each line */
export function createPrefixedOutput(prefix: string): PrefixedOutput {
  const label = Buffer.from(prefix);
  const lineEnd = Buffer.from("\n");
  let open = Buffer.alloc(0);
  return {
    add(bytes) {
      let text = Buffer.concat([open, bytes]);
      const lines: Buffer[] = [];
      for (let at = text.indexOf(LINE_END); at >= 0; at = text.indexOf(LINE_END)) {
        lines.push(label, text.subarray(0, at + 1));
        text = text.subarray(at + 1);
      }
      for (; text.length >= LONGEST_LINE; text = text.subarray(LONGEST_LINE))
        lines.push(label, text.subarray(0, LONGEST_LINE), lineEnd);
      open = Buffer.from(text);
      return Buffer.concat(lines);
    },
    rest() {
      const last = open;
      open = Buffer.alloc(0);
      return last.length === 0 ? last : Buffer.concat([label, last, lineEnd]);
    },
  };
}
