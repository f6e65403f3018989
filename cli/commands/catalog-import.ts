/** `loom catalog import`: another system's catalog as documents of Loom, in a folder of their own. */
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { LoomError } from "../../services/common/errors.js";
import { readFolder } from "../../services/common/read-folder.js";
import type { Finding, SourceFile, TemplateOutcome } from "../../services/server/catalog/coopr/types.js";
import { badInput, CliError, EXIT } from "../exit.js";
import { formatOf, printValue } from "../render/format.js";
import { findingLines, findingSummary, templateLines } from "../render/import.js";
import { outputWidth } from "../render/output.js";
import { count } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";

export interface ImportOptions extends OutputOptions {
  readonly from: "coopr";
  readonly out: string;
  readonly force?: boolean;
  readonly currency?: string;
}

export async function run(session: Session, options: ImportOptions, folder: string): Promise<number> {
  const format = formatOf(options);
  const { currency } = options;
  if (currency !== undefined && !/^[A-Z]{3}$/.test(currency))
    throw badInput(`${currency} is not a currency.`, "Give its three letters, such as EUR or USD.");
  checkTarget(options);
  const { convertCatalog } = await import("../../services/server/catalog/coopr/convert.js");
  const { exportDocument } = await import("../../services/server/catalog/export.js");
  const { SHIPPED_PLUGINS } = await import("../plugin-types.js");
  const source = await readSource(folder);
  const own = (kind: "PROVIDER" | "AUTOMATOR"): string[] =>
    SHIPPED_PLUGINS.types.filter((plugin) => plugin.kind === kind).map((plugin) => plugin.type);
  const {
    documents,
    findings: found,
    templates,
  } = convertCatalog(source.files, {
    ownTypes: { providers: own("PROVIDER"), automators: own("AUTOMATOR") },
    ...(currency === undefined ? {} : { currency }),
  });
  const findings = [...source.findings, ...found];
  const files = documents.map(({ document, file }) => ({
    path: join(document.kind, `${document.name}.yaml`),
    text: exportDocument(document),
    document: `${document.kind}/${document.name}`,
    from: file,
  }));
  if (files.length > 0) writeOrSay(options.out, files);
  await print(session, options, { files, findings, templates });
  const lost = findings.filter((finding) => finding.outcome === "lost").length;
  if (format === "table" || format === "wide") {
    session.say(`${count(documents.length, "document")} written to ${options.out}; ${findingSummary(findings)}`);
    const [first] = templates.filter((template) => template.fewest !== undefined);
    if (first !== undefined)
      session.say(`Try one: loom plan --catalog ${options.out} --template ${first.name} --nodes ${first.fewest}`);
  }
  return lost > 0 || documents.length === 0 ? EXIT.badInput : EXIT.done;
}

/** Refuses a folder that holds something, before any work is done. */
function checkTarget({ out, force }: ImportOptions): void {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) throw badInput(`${out} is a file, and documents are written into a folder.`);
  if (force !== true && readdirSync(out).length > 0)
    throw badInput(
      `${out} is not empty.`,
      "Name a new folder, or give --force to write into this one: documents of the same name are replaced, other files stay.",
    );
}

/** The files of the source's folders. A file that cannot be read is told as lost. */
async function readSource(folder: string): Promise<{ files: SourceFile[]; findings: Finding[] }> {
  const { SOURCE_FOLDERS } = await import("../../services/server/catalog/coopr/types.js");
  const known = Object.keys(SOURCE_FOLDERS);
  if (!existsSync(folder)) throw badInput(`${folder} does not exist.`);
  if (!statSync(folder).isDirectory()) throw badInput(`${folder} is no folder.`);
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".") && isFolder(join(folder, entry.name)))
    .map((entry) => entry.name)
    .sort();
  if (!inside.some((name) => known.includes(name)))
    throw badInput(`${folder} holds none of the folders ${known.join(", ")}.`, "Name the folder that they are in.");
  const files: SourceFile[] = [];
  const findings: Finding[] = [];
  const tell = (outcome: Finding["outcome"], file: string, document: string, reason: string, advice = ""): void => {
    findings.push({ outcome, document, file, line: 1, column: 1, path: "", reason, advice });
  };
  for (const name of inside) {
    if (!known.includes(name)) {
      tell(
        "dropped",
        join(folder, name),
        "",
        "This folder is not part of a catalog.",
        "Plugins and their files come with provisioners.",
      );
      continue;
    }
    for (const path of jsonFiles(join(folder, name))) {
      try {
        for (const file of await readFolder(path)) files.push({ ...file, folder: name });
      } catch (thrown) {
        if (!(thrown instanceof LoomError)) throw thrown;
        tell("lost", path, SOURCE_FOLDERS[name]!, thrown.message);
      }
    }
  }
  return { files, findings };
}

/** False for a link that leads nowhere, too. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Files ending in .json at every depth, hidden ones left out. */
function jsonFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        /\.json$/i.test(path) &&
        !path
          .slice(folder.length)
          .split(/[\\/]/)
          .some((part) => part.startsWith(".")),
    )
    .filter((path) => !isFolder(path))
    .sort();
}

interface OutputFile {
  /** Below the folder that is written to. */
  readonly path: string;
  readonly text: string;
  readonly document: string;
  readonly from: string;
}

/** @throws CliError where the folder cannot be written */
function writeOrSay(out: string, files: readonly OutputFile[]): void {
  try {
    writeAll(out, files);
  } catch (cause) {
    const { code = "", path = out } = cause as NodeJS.ErrnoException;
    throw new CliError(EXIT.failed, `${path} cannot be written (${code}): nothing was imported.`, { cause });
  }
}

/**
 * Writes the files beside their place and moves them there when all are written. A new folder appears with all of them
 * at once; in one that is there, every file is either the old or the new one.
 */
function writeAll(out: string, files: readonly OutputFile[]): void {
  const target = existsSync(out) ? realpathSync(out) : resolve(out);
  mkdirSync(dirname(target), { recursive: true });
  const stage = join(dirname(target), `.${basename(target)}.${process.pid}.partial`);
  try {
    for (const { path, text } of files) {
      mkdirSync(dirname(join(stage, path)), { recursive: true });
      writeFileSync(join(stage, path), text, { flag: "wx" });
    }
    if (!existsSync(target) || readdirSync(target).length === 0) renameSync(stage, target);
    else {
      for (const { path } of files) mkdirSync(dirname(join(target, path)), { recursive: true });
      for (const { path } of files) renameSync(join(stage, path), join(target, path));
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function print(
  session: Session,
  options: ImportOptions,
  result: {
    readonly files: readonly OutputFile[];
    readonly findings: readonly Finding[];
    readonly templates: readonly TemplateOutcome[];
  },
): Promise<void> {
  const { files, findings, templates } = result;
  const format = formatOf(options);
  if (format === "json" || format === "yaml") {
    const documents = files.map(({ document, path, from }) => ({ document, file: join(options.out, path), from }));
    await printValue(session, format, { documents, findings, templates });
  } else if (format === "jsonl") for (const finding of findings) await printValue(session, format, finding);
  else if (format === "name") for (const { path } of files) session.print(join(options.out, path));
  else {
    for (const line of findingLines(findings, format === "wide", session.errPalette)) session.say(line);
    for (const line of templateLines(templates, session.outPalette, outputWidth(session))) session.print(line);
  }
}
