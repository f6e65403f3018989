/** `loom catalog validate`, `diff`, `apply` and `export`: documents in a folder. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  ApplyDocumentsResponseSchema,
  DocumentChange_Kind,
  DocumentKind,
  type ApplyDocumentsResponse,
} from "../../gen/web/loom/v1/catalog_pb.js";
import { LoomError } from "../../services/common/errors.js";
import { readFolder } from "../../services/common/read-folder.js";
import type { CatalogFile } from "../../services/server/catalog/parse.js";
import type { Problem } from "../../services/server/catalog/types.js";
import { badInput, CliError, EXIT } from "../exit.js";
import { changeLines, CHANGES, problemFromWire, problemLines } from "../render/kinds/documents.js";
import { formatOf, printValue } from "../render/format.js";
import { jsonOf, printRecords } from "../render/output.js";
import { count } from "../render/words.js";
import { mutate, type MutationOptions } from "../request.js";
import type { OutputOptions, Session } from "../session.js";
import { allDocuments, documentFromWire } from "./catalog.js";

export type ApplyOptions = MutationOptions & OutputOptions;

/** The files of documents in a folder. @throws CliError where there is none */
export async function readDocuments(folder: string): Promise<CatalogFile[]> {
  const files = await readFolder(folder);
  if (files.length === 0)
    throw badInput(`${folder} holds no YAML or JSON file.`, "Documents stand in files ending in .yaml, .yml or .json.");
  return files;
}

/** Says every problem on standard error. Returns how many are errors. */
function sayProblems(session: Session, problems: readonly Problem[]): number {
  for (const line of problemLines(problems, session.errPalette)) session.say(line);
  return problems.filter((problem) => problem.severity === "error").length;
}

export async function validate(session: Session, options: OutputOptions, folder: string): Promise<number> {
  const format = formatOf(options);
  const { loadCatalog } = await import("../../services/server/catalog/load.js");
  const { SHIPPED_PLUGINS } = await import("../plugin-types.js");
  const { documents, problems } = loadCatalog(await readDocuments(folder), SHIPPED_PLUGINS);
  const errors = problems.filter((problem) => problem.severity === "error").length;
  if (format === "json" || format === "yaml")
    await printValue(session, format, { documents: documents.length, problems });
  else if (format === "jsonl") for (const problem of problems) await printValue(session, format, problem);
  else {
    const lines = problemLines(problems, session.errPalette);
    for (const line of lines) session.say(line);
    if (lines.length < problems.length) session.say("Warnings that are alike share a line; -o json lists each.");
  }
  const warnings = problems.length - errors;
  session.say(
    `${count(documents.length, "document")}, ${errors === 0 ? "no errors" : count(errors, "error")}${warnings === 0 ? "" : `, ${count(warnings, "warning")}`}`,
  );
  return errors === 0 ? EXIT.done : EXIT.badInput;
}

/** What a write of the files does, nothing written. */
async function compare(session: Session, files: readonly CatalogFile[]): Promise<ApplyDocumentsResponse> {
  const api = await session.api();
  return api.catalog.applyDocuments(
    { files: files.map((file) => ({ ...file })), validateOnly: true },
    { signal: session.signal },
  );
}

function isChange(kind: DocumentChange_Kind): boolean {
  return kind === DocumentChange_Kind.CREATED || kind === DocumentChange_Kind.UPDATED;
}

async function printChanges(session: Session, options: OutputOptions, answer: ApplyDocumentsResponse): Promise<void> {
  const format = formatOf(options);
  if (format === "json" || format === "yaml")
    return printValue(session, format, jsonOf(ApplyDocumentsResponseSchema, answer));
  if (format !== "table" || options.columns !== undefined)
    return printRecords(session, options, CHANGES, answer.changes);
  for (const line of changeLines(answer.changes, session.outPalette)) session.print(line);
}

function summary(answer: ApplyDocumentsResponse): string {
  const of = (kind: DocumentChange_Kind): number => answer.changes.filter((change) => change.kind === kind).length;
  const kept = of(DocumentChange_Kind.KEPT);
  const parts = [
    `${of(DocumentChange_Kind.CREATED)} new`,
    `${of(DocumentChange_Kind.UPDATED)} changed`,
    `${of(DocumentChange_Kind.UNCHANGED)} unchanged`,
  ];
  return [...parts, ...(kept === 0 ? [] : [`${kept} kept as edited`])].join(", ");
}

/** Shows what differs between a folder and the server's catalog. */
export async function diff(session: Session, options: ApplyOptions, folder: string): Promise<number> {
  formatOf(options);
  const answer = await compare(session, await readDocuments(folder));
  const errors = sayProblems(session, answer.problems.map(problemFromWire));
  await printChanges(session, options, answer);
  session.say(summary(answer));
  if (errors > 0) return EXIT.badInput;
  return options.detailedExitCode === true && answer.changes.some((change) => isChange(change.kind))
    ? EXIT.changes
    : EXIT.done;
}

export async function apply(session: Session, options: ApplyOptions, folder: string): Promise<number> {
  if (options.dryRun === true) return diff(session, options, folder);
  formatOf(options);
  const files = await readDocuments(folder);
  const api = await session.api();
  let answer: ApplyDocumentsResponse;
  try {
    answer = await mutate(session, options, `apply ${folder}`, (requestId) =>
      api.catalog.applyDocuments({ files: files.map((file) => ({ ...file })), requestId }, { signal: session.signal }),
    );
  } catch (thrown) {
    if (!(thrown instanceof LoomError) || thrown.reason !== "INVALID_CATALOG") throw thrown;
    // The refusal names the first problem; a dry run names them all.
    const errors = sayProblems(session, (await compare(session, files)).problems.map(problemFromWire));
    if (errors === 0) throw thrown;
    throw new CliError(EXIT.badInput, `Nothing was applied: ${count(errors, "error")}.`, {
      reason: thrown.reason,
      cause: thrown,
    });
  }
  sayProblems(session, answer.problems.map(problemFromWire));
  await printChanges(session, options, answer);
  session.say(`Applied: ${summary(answer)}`);
  return options.detailedExitCode === true && answer.changes.some((change) => isChange(change.kind))
    ? EXIT.changes
    : EXIT.done;
}

/** Writes every document into a file of its own, `Kind/name.yaml`. A folder that holds something is left alone unless `--force`. */
export async function exportAll(
  session: Session,
  options: { readonly force?: boolean },
  folder: string,
): Promise<number> {
  if (options.force !== true && existsSync(folder) && readdirSync(folder).length > 0) {
    throw badInput(`${folder} is not empty.`, "Name a new folder, or give --force to write into this one.");
  }
  const { exportDocument } = await import("../../services/server/catalog/export.js");
  const documents = (await allDocuments(session, DocumentKind.UNSPECIFIED)).flatMap(
    (document) => documentFromWire(document) ?? [],
  );
  for (const document of documents) {
    // Names become paths: none may lead out of the folder.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(document.name))
      throw badInput(`The document ${document.kind}/${document.name} has a name that is no file name.`);
    const path = join(folder, document.kind, `${document.name}.yaml`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, exportDocument(document));
    session.print(path);
  }
  session.say(`${count(documents.length, "document")} written to ${folder}`);
  return EXIT.done;
}
