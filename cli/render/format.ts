/** Output formats, and values printed in them. Apart from records, so that commands without any start fast. */
import { didYouMean } from "../../services/server/catalog/suggest.js";
import { badInput } from "../exit.js";
import type { OutputOptions, Session } from "../session.js";

export const FORMATS = ["table", "wide", "json", "jsonl", "yaml", "name"] as const;
export type Format = (typeof FORMATS)[number];

/** @throws CliError where the format does not exist */
export function formatOf(options: OutputOptions): Format {
  const text = options.output ?? "table";
  const found = FORMATS.find((format) => format === text);
  if (found === undefined)
    throw badInput(
      `There is no output format ${text}. ${didYouMean(text, FORMATS)}`.trimEnd(),
      `Formats: ${FORMATS.join(", ")}.`,
    );
  if (options.columns !== undefined && found !== "table" && found !== "wide")
    throw badInput(`--columns has no meaning with -o ${found}.`);
  return found;
}

/** Prints any JSON value as JSON, one line of JSON, or YAML. */
export async function printValue(session: Session, format: "json" | "jsonl" | "yaml", value: unknown): Promise<void> {
  if (format === "yaml") {
    const { stringify } = await import("yaml");
    session.print(stringify(value, { lineWidth: 0 }).trimEnd());
  } else session.print(format === "json" ? JSON.stringify(value, undefined, 2) : JSON.stringify(value));
}
