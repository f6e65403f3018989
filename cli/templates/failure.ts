/** Why a cluster of a folder failed: the task, its log, and the line of the file that it comes from. */
import type { LoomClient } from "../../gateway/client.js";
import { ReadLogsResponse_Stream as Stream, Task_State, type Job, type Task } from "../../gen/web/loom/v1/job_pb.js";
import { documentId } from "../../services/server/catalog/problems.js";
import { resolve } from "../../services/server/catalog/resolve.js";
import type { Catalog } from "../../services/server/catalog/types.js";
import type { Script } from "../../services/server/catalog/lint/scripts.js";
import type { Path } from "../../services/server/catalog/paths.js";
import { formatPath } from "../../services/server/catalog/paths.js";
import { widthOf } from "../commands/template-lint.js";
import { lastPart } from "../names.js";
import { readPages } from "../pages.js";
import { sourceLines } from "../render/lint.js";
import { createLogPrinter } from "../render/log.js";
import { rootCause } from "../render/progress.js";
import { oneLine } from "../render/text.js";
import { doing } from "../render/words.js";
import type { Session } from "../session.js";
import type { Folder } from "./folder.js";

/** So many last lines of a log are shown. */
const LINES = 30;

/** The tasks of a job in one state. */
export async function tasksIn(session: Session, api: LoomClient, job: Job, state: Task_State): Promise<Task[]> {
  const { items } = await readPages(async (page) => {
    const answer = await api.jobs.listTasks({ parent: job.name, states: [state], ...page }, { signal: session.signal });
    return { items: answer.tasks, nextPageToken: answer.nextPageToken };
  });
  return items;
}

/** The last lines that the last try of a task printed, as a person reads them. */
async function lastLines(
  session: Session,
  api: LoomClient,
  task: Task,
): Promise<{ readonly lines: readonly string[]; readonly errors: string }> {
  const lines: string[] = [];
  let errors = "";
  const printer = createLogPrinter((line) => lines.push(line), session.errPalette, false);
  const request = { name: task.name, attempt: task.attempt, node: 0, follow: false };
  for await (const piece of api.jobs.readLogs(request, { signal: session.signal })) {
    if (piece.stream === Stream.UNSPECIFIED) continue;
    if (piece.stream === Stream.STDERR) errors += piece.text;
    printer.add(piece);
  }
  printer.end();
  const more = lines.length - LINES;
  return { lines: more > 0 ? [`(${more} lines before)`, ...lines.slice(more)] : lines, errors };
}

/** Says which task stopped the job, what it printed, and where its script stands. */
export async function explain(
  session: Session,
  api: LoomClient,
  job: Job,
  folder: Folder,
  template: string,
): Promise<void> {
  const tasks = await tasksIn(session, api, job, Task_State.FAILED);
  const cause = rootCause(tasks);
  if (cause === undefined) return;
  const { errPalette: palette } = session;
  const { lines, errors } = await lastLines(session, api, cause);
  const what = `${doing(cause)} on node ${cause.node}`;
  session.say(lines.length === 0 ? `  ${what} printed nothing; ${oneLine(cause.message)}` : `  ${what} printed:`);
  for (const line of lines) session.say(`    ${palette.dim("|")} ${line}`);
  if (tasks.length > 1) session.say(`  ${tasks.length - 1} more failed, perhaps because of this`);
  const parent = job.name.replace(/\/jobs\/\d+$/, "");
  const node = await api.clusters.getNode({ name: `${parent}/nodes/${cause.node}` }, { signal: session.signal });
  for (const line of placeLines(session, folder, template, cause, node.imageType, errors)) session.say(`  ${line}`);
}

function placeLines(
  session: Session,
  folder: Folder,
  template: string,
  task: Task,
  imageType: string,
  errors: string,
): string[] {
  const script = scriptOf(folder, template, task, imageType);
  if (script === undefined) {
    if (task.service === "") return [];
    const document = task.action === "CHECK" ? `template/${template}` : `service/${task.service}`;
    return [`its script is not in this folder; look at what is there: loom catalog get ${document}`];
  }
  // `/a/folder/script: 3: nginxx: not found`, of dash, and `script: line 3: ...`, of bash.
  const said = [...errors.matchAll(/(?:^|\/)script: (?:line )?(\d+): /gm)].at(-1);
  const place = script.at(said === undefined ? 1 : Number(said[1]));
  const text = folder.files.find(({ path }) => path === script.source.file)?.text ?? "";
  const own = text.split(/\r?\n/);
  const shown = said === undefined ? place : { ...place, column: indentOf(own[place.line - 1]) + 1 };
  const { errPalette: palette } = session;
  return [
    `${palette.bold(`${script.source.file}:${shown.line}:${shown.column}`)} ${formatPath(script.path)}${said === undefined ? ", where its script begins" : ""}`,
    ...sourceLines(shown, own, palette, palette.red, widthOf(session)),
  ];
}

function indentOf(line = ""): number {
  return line.length - line.trimStart().length;
}

/** The script that a task ran on an image type: that of the variant that names it, else of the one that names none. */
function scriptOf({ scripts, catalog }: Folder, template: string, task: Task, imageType: string): Script | undefined {
  const owner = task.action === "CHECK" ? ownerOfCheck(catalog, template) : documentId("Service", task.service);
  const own = scripts.filter(
    ({ source: { document }, action }) =>
      documentId(document.kind, document.name) === owner && action === task.action.toLowerCase(),
  );
  const named = own.find((script) => imagesOf(script)?.includes(imageType));
  const rest = own.find((script) => imagesOf(script)?.length === 0);
  return named ?? rest ?? own.find((script) => imagesOf(script) === undefined);
}

/** The last document of those that make up the template that has a check. */
function ownerOfCheck(catalog: Catalog, name: string): string {
  const body = catalog.ClusterTemplate.get(name) ?? {};
  const { parts } = resolve(catalog, { kind: "ClusterTemplate", name, body });
  const part = parts.findLast((one) => one.body.check !== undefined);
  return part === undefined ? "" : documentId(part.kind, part.name);
}

/** Image types that the variant of a script names; undefined where it stands in no variant. */
function imagesOf({ source, path }: Script): readonly string[] | undefined {
  const at = path.indexOf("variants");
  if (at === -1) return undefined;
  return (
    (valueAt(source.document.body, [...path.slice(0, at + 2), "imageTypes"]) as readonly string[] | undefined) ?? []
  );
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) found = (found as Record<string | number, unknown> | undefined)?.[step];
  return found;
}

/** What the check of a cluster printed; undefined where its template has none. */
export async function checkResult(session: Session, api: LoomClient, job: Job): Promise<readonly string[] | undefined> {
  const done = await tasksIn(session, api, job, Task_State.COMPLETE);
  const check = done.findLast((task) => task.action === "CHECK");
  if (check === undefined) return undefined;
  session.detail(`the check is task ${lastPart(check.name)}`);
  return (await lastLines(session, api, check)).lines;
}
