/** Small pieces of Markdown, and the places in a page that programs write. Pure. */

/** A table; columns whose name ends with a space-free unit or number are for the writer to align. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rules = header.map((_, index) => (index === 0 ? "---" : "---:"));
  return [line(header), `|${rules.join("|")}|`, ...rows.map(line)].join("\n");
}

/** Three digits, thousands set apart. */
export function figure(value: number): string {
  const digits = value >= 1000 ? Math.round(value) : Number(value.toPrecision(value >= 100 ? 3 : 2));
  return digits.toLocaleString("en", { maximumFractionDigits: 4 });
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;

const begin = (name: string): string => `<!-- ${name}: written by make bench -->`;
const end = (name: string): string => `<!-- ${name}: end -->`;

/**
 * Replaces what stands between the marks of each section.
 *
 * @throws where the page has no such section
 */
export function rewrite(page: string, sections: Readonly<Record<string, string>>): string {
  let text = page;
  for (const [name, content] of Object.entries(sections)) {
    const from = text.indexOf(begin(name));
    const to = text.indexOf(end(name));
    if (from < 0 || to < from) throw new Error(`the page has no marks for ${name}`);
    text = `${text.slice(0, from + begin(name).length)}\n\n${content}\n\n${text.slice(to)}`;
  }
  return text;
}
