/** Resource names: paths such as `clusters/web-1a/jobs/7/tasks/3`. */
import { LoomError } from "../../common/errors.js";
import { DOCUMENT_KINDS, type DocumentKind } from "../catalog/types.js";

const CLUSTER = "[A-Za-z][A-Za-z0-9-]{0,60}";
// Numbers have one way of being written, so that a thing has one name.
const NUMBER = "[1-9][0-9]{0,8}";
const DOCUMENT = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}";

const PATTERNS = {
  "clusters/{cluster}": new RegExp(`^clusters/(${CLUSTER})$`),
  "clusters/{cluster}/nodes/{number}": new RegExp(`^clusters/(${CLUSTER})/nodes/(${NUMBER})$`),
  "clusters/{cluster}/jobs/{number}": new RegExp(`^clusters/(${CLUSTER})/jobs/(${NUMBER})$`),
  "clusters/{cluster}/jobs/{job}/tasks/{number}": new RegExp(
    `^clusters/(${CLUSTER})/jobs/(${NUMBER})/tasks/(0|${NUMBER})$`,
  ),
  "provisioners/{provisioner}": /^provisioners\/([a-z0-9]{1,40})$/,
  "documents/{kind}/{name}": new RegExp(`^documents/([A-Za-z]+)/(${DOCUMENT})$`),
} as const;

type Shape = keyof typeof PATTERNS;

function invalid(name: string, field: string, shapes: readonly string[], hint = ""): LoomError {
  const wanted = shapes.map((shape) => `\`${shape}\``).join(" or ");
  // A name is quoted back, so its length must be bounded.
  const shown = name.length > 120 ? `${name.slice(0, 120)}...` : name;
  const what = name === "" ? `The field ${field} is empty.` : `"${shown}" is not a name that ${field} can take.`;
  return new LoomError("INVALID_NAME", `${what} Give ${wanted}${hint}.`, {
    metadata: { field, name: shown },
    violations: [{ field, description: `must be ${wanted}${hint}` }],
  });
}

function match(shape: Shape, name: string, field: string): RegExpExecArray {
  const found = PATTERNS[shape].exec(name);
  if (found === null) throw invalid(name, field, [shape]);
  return found;
}

/** The cluster in `clusters/{cluster}`. Throws INVALID_NAME. */
export function parseCluster(name: string, field: string): string {
  return match("clusters/{cluster}", name, field)[1]!;
}

/** As {@link parseCluster}, but `clusters/-` gives "-", which stands for all. Throws INVALID_NAME. */
export function parseClusterOrAll(name: string, field: string): string {
  if (name === "clusters/-") return "-";
  const found = PATTERNS["clusters/{cluster}"].exec(name);
  if (found === null) throw invalid(name, field, ["clusters/{cluster}", "clusters/-"]);
  return found[1]!;
}

export function parseNode(name: string, field: string): { readonly cluster: string; readonly number: number } {
  const [, cluster, number] = match("clusters/{cluster}/nodes/{number}", name, field);
  return { cluster: cluster!, number: Number(number) };
}

export function parseJob(name: string, field: string): { readonly cluster: string; readonly job: number } {
  const [, cluster, job] = match("clusters/{cluster}/jobs/{number}", name, field);
  return { cluster: cluster!, job: Number(job) };
}

export function parseTask(
  name: string,
  field: string,
): { readonly cluster: string; readonly job: number; readonly task: number } {
  const [, cluster, job, task] = match("clusters/{cluster}/jobs/{job}/tasks/{number}", name, field);
  return { cluster: cluster!, job: Number(job), task: Number(task) };
}

/** A job, or one task of it. Throws INVALID_NAME. */
export function parseJobOrTask(
  name: string,
  field: string,
): { readonly cluster: string; readonly job: number; readonly task: number | undefined } {
  const shapes = ["clusters/{cluster}/jobs/{number}", "clusters/{cluster}/jobs/{job}/tasks/{number}"] as const;
  if (PATTERNS[shapes[1]].test(name)) return parseTask(name, field);
  if (PATTERNS[shapes[0]].test(name)) return { ...parseJob(name, field), task: undefined };
  throw invalid(name, field, shapes);
}

export function parseDocument(name: string, field: string): { readonly kind: DocumentKind; readonly id: string } {
  const [, kind, id] = match("documents/{kind}/{name}", name, field);
  const known = DOCUMENT_KINDS.find((candidate) => candidate === kind);
  if (known === undefined)
    throw invalid(name, field, ["documents/{kind}/{name}"], ` with a kind of ${DOCUMENT_KINDS.join(", ")}`);
  return { kind: known, id: id! };
}

export const clusterPath = (cluster: string): string => `clusters/${cluster}`;
export const nodePath = (cluster: string, number: number): string => `clusters/${cluster}/nodes/${number}`;
export const jobPath = (cluster: string, job: number): string => `clusters/${cluster}/jobs/${job}`;
export const taskPath = (cluster: string, job: number, task: number): string =>
  `clusters/${cluster}/jobs/${job}/tasks/${task}`;
export const documentPath = (kind: DocumentKind, id: string): string => `documents/${kind}/${id}`;

/** The provisioner in `provisioners/{provisioner}`. Throws INVALID_NAME. */
export function parseProvisioner(name: string, field: string): string {
  return match("provisioners/{provisioner}", name, field)[1]!;
}

export function provisionerPath(id: string): string {
  return `provisioners/${id}`;
}
