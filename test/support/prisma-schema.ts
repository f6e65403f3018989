/** Reads what db/schema.prisma says about tables. Covers the part of the language that file uses, and refuses the rest. */
import assert from "node:assert/strict";

export interface PrismaField {
  readonly column: string;
  /** String, Int, BigInt, Boolean, DateTime, Json or Bytes. */
  readonly type: string;
  /** For example Int4 of @db.Int4; empty where there is none. */
  readonly native: string;
  readonly list: boolean;
  readonly optional: boolean;
}

export interface PrismaModel {
  readonly name: string;
  readonly table: string;
  readonly fields: readonly PrismaField[];
  /** Columns. */
  readonly primaryKey: readonly string[];
  /** `name (columns)`, with `unique ` in front where it is; `name partial` for those that are only named. */
  readonly indexes: readonly string[];
}

export function parseModels(schema: string): PrismaModel[] {
  return [...schema.matchAll(/((?:^\/\/\/.*\n)*)^model (\w+) \{\n([^}]*)^\}/gm)].map(([, comments, name, body]) =>
    parseModel(name!, comments!, body!),
  );
}

function parseModel(name: string, comments: string, body: string): PrismaModel {
  const columns = new Map<string, string>();
  const fields: PrismaField[] = [];
  const indexes = [...comments.matchAll(/^\/\/\/ Partial index: (\w+)$/gm)].map(([, index]) => `${index} partial`);
  let primaryKey: string[] = [];
  let table = name;
  const list = (text: string): string[] =>
    text.split(",").map((field) => columns.get(field.trim()) ?? assert.fail(`${name} has no field ${field}`));

  for (const line of body
    .split("\n")
    .map((text) => text.trim())
    .filter((text) => text !== "")) {
    let match: RegExpMatchArray | null;
    if ((match = /^@@map\("(\w+)"\)$/.exec(line))) table = match[1]!;
    else if ((match = /^@@id\(\[(.*)\]\)$/.exec(line))) primaryKey = list(match[1]!);
    else if ((match = /^@@(index|unique)\(\[(.*)\], map: "(\w+)"\)$/.exec(line))) {
      indexes.push(`${match[1] === "unique" ? "unique " : ""}${match[3]} (${list(match[2]!).join(", ")})`);
    } else if (
      (match = /^(\w+)\s+(String|Int|BigInt|Boolean|DateTime|Json|Bytes)(\[\]|\?)?((?:\s+@\S+(?: "\w+"\))?)*)$/.exec(
        line,
      ))
    ) {
      const [, field, type, suffix, attributes] = match as unknown as [
        string,
        string,
        string,
        string | undefined,
        string,
      ];
      const column = /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? field;
      columns.set(field, column);
      fields.push({
        column,
        type,
        native: /@db\.(\w+)/.exec(attributes)?.[1] ?? "",
        list: suffix === "[]",
        optional: suffix === "?",
      });
      if (/@id\b/.test(attributes)) primaryKey = [column];
      const unique = /@unique\(map: "(\w+)"\)/.exec(attributes)?.[1];
      if (unique !== undefined) indexes.push(`unique ${unique} (${column})`);
    } else assert.fail(`cannot read this line of model ${name}: ${line}`);
  }
  return { name, table, fields, primaryKey, indexes };
}
