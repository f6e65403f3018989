/** Prints records in the format that was asked for. JSON is the proto JSON of the records, empty values included. */
import { toJson, type DescMessage, type JsonValue, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { OutputOptions, Session } from "../session.js";
import { formatOf, printValue } from "./format.js";
import { pickColumns, tableLines, type Column } from "./table.js";

/** How records of one kind are shown. */
export interface RecordKind<T extends Message> {
  readonly schema: DescMessage;
  /** Key of the list in JSON, for example `clusters`. */
  readonly plural: string;
  readonly columns: readonly Column<T>[];
  /** Resource name. */
  nameOf(record: T): string;
  /** What to say where there is nothing to show, and what to do next. */
  readonly empty: string;
}

/** The proto JSON of a message. */
export function jsonOf<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonValue {
  return toJson(schema, message, { alwaysEmitImplicit: true });
}

/** The columns to show, with `--columns` and `-o wide` obeyed. */
export function columnsOf<T extends Message>(kind: RecordKind<T>, options: OutputOptions): Column<T>[] {
  return pickColumns(kind.columns, options.columns, options.output === "wide");
}

/** Width of the terminal, undefined where standard output is none. */
export function outputWidth(session: Session): number | undefined {
  return session.terminal.stdout.isTTY === true ? session.terminal.stdout.columns : undefined;
}

/** The lines of a table of records. */
export function recordLines<T extends Message>(
  session: Session,
  options: OutputOptions,
  kind: RecordKind<T>,
  records: readonly T[],
): string[] {
  return tableLines(columnsOf(kind, options), records, session.renderContext(), {
    header: options.header !== false,
    width: outputWidth(session),
  });
}

/**
 * Prints a list of records.
 *
 * @param unreachable datacenters whose records are missing
 */
export async function printRecords<T extends Message>(
  session: Session,
  options: OutputOptions,
  kind: RecordKind<T>,
  records: readonly T[],
  unreachable: readonly string[] = [],
): Promise<void> {
  const format = formatOf(options);
  if (unreachable.length > 0)
    session.say(`${session.errPalette.yellow("incomplete:")} could not reach ${unreachable.join(", ")}`);
  if (format === "jsonl") {
    for (const record of records) await printValue(session, "jsonl", jsonOf(kind.schema, record));
  } else if (format === "json" || format === "yaml") {
    const list = { [kind.plural]: records.map((record) => jsonOf(kind.schema, record)) };
    await printValue(session, format, unreachable.length > 0 ? { ...list, unreachable: [...unreachable] } : list);
  } else if (format === "name") {
    for (const record of records) session.print(kind.nameOf(record));
  } else {
    const columns = columnsOf(kind, options);
    if (records.length === 0) session.say(kind.empty);
    else
      for (const line of tableLines(columns, records, session.renderContext(), {
        header: options.header !== false,
        width: outputWidth(session),
      }))
        session.print(line);
  }
}

/** Prints one record; a table of one row where a table is asked for. */
export async function printRecord<T extends Message>(
  session: Session,
  options: OutputOptions,
  kind: RecordKind<T>,
  record: T,
): Promise<void> {
  const format = formatOf(options);
  if (format === "json" || format === "jsonl" || format === "yaml")
    await printValue(session, format, jsonOf(kind.schema, record));
  else await printRecords(session, options, kind, [record]);
}
