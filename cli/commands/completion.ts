/** `loom completion` and the hidden `loom __complete`. */
import { DocumentKind } from "../../gen/web/loom/v1/catalog_pb.js";
import { withTimeLimit } from "../../services/common/time-limit.js";
import { DOCUMENT_KINDS } from "../../services/server/catalog/types.js";
import { completionModel } from "../completion-model.js";
import { completionScript, type Shell } from "../completion-script.js";
import { readContexts } from "../context.js";
import { EXIT } from "../exit.js";
import { findCluster, lastPart } from "../names.js";
import { createProgram } from "../program.js";
import type { Session } from "../session.js";
import type { Completes } from "../tree/options.js";

export async function script(session: Session, _options: object, shell: Shell): Promise<number> {
  session.print(completionScript(shell, completionModel(createProgram(() => undefined))).trimEnd());
  return EXIT.done;
}

/** A person waits at the prompt: names that come later than this do not come at all. */
const PATIENCE_MS = 2000;

/** Prints names of a kind, one on a line. Says nothing where Loom cannot be asked: completion must not disturb. */
export async function names(
  session: Session,
  _options: object,
  kind: Completes,
  prefix = "",
  cluster = "",
): Promise<number> {
  try {
    const found = await withTimeLimit(PATIENCE_MS, session.signal, (signal) =>
      namesOf(session, kind, prefix, cluster, signal),
    );
    for (const name of found) if (name.startsWith(prefix)) session.print(name);
  } catch (thrown) {
    session.detail(String(thrown));
  }
  return EXIT.done;
}

const KINDS: Readonly<Partial<Record<Completes, DocumentKind>>> = {
  template: DocumentKind.CLUSTER_TEMPLATE,
  service: DocumentKind.SERVICE,
  provider: DocumentKind.PROVIDER,
  hardware: DocumentKind.HARDWARE_TYPE,
  image: DocumentKind.IMAGE_TYPE,
};

async function namesOf(
  session: Session,
  kind: Completes,
  prefix: string,
  cluster: string,
  signal: AbortSignal,
): Promise<string[]> {
  if (kind === "context") return Object.keys(readContexts(session.terminal.env).contexts);
  if (kind === "kind") return [...DOCUMENT_KINDS];
  const api = await session.api();
  if (kind === "provisioner") {
    const { provisioners } = await api.provisioners.listProvisioners({ pageSize: 1000 }, { signal });
    return provisioners.map((provisioner) => lastPart(provisioner.name));
  }
  if (kind === "member" || kind === "node" || kind === "present") {
    const found = await findCluster(api, cluster, signal);
    const { nodes } =
      kind === "present"
        ? { nodes: [] }
        : await api.clusters.listNodes({ parent: found.name, pageSize: 1000 }, { signal });
    return [...(kind === "node" ? [] : found.services), ...nodes.map(({ number }) => String(number))];
  }
  if (kind === "document") {
    const { documents } = await api.catalog.listDocuments({ pageSize: 1000 }, { signal });
    return documents.map((document) => document.name.replace(/^documents\//, ""));
  }
  const documentKind = KINDS[kind];
  if (documentKind !== undefined) {
    const { documents } = await api.catalog.listDocuments({ kind: documentKind, pageSize: 1000 }, { signal });
    return documents.map((document) => document.id);
  }
  return prefix.replace(/^clusters\//, "").includes("/")
    ? partsOf(session, prefix, signal)
    : clusterNames(session, prefix, signal);
}

/** Names and, where one cluster alone has it, display names. */
async function clusterNames(session: Session, prefix: string, signal: AbortSignal): Promise<string[]> {
  const api = await session.api();
  const { clusters } = await api.clusters.listClusters({ pageSize: 1000 }, { signal });
  if (prefix.startsWith("clusters/")) return clusters.map((cluster) => cluster.name);
  const display = clusters.map((cluster) => cluster.displayName);
  const unique = display.filter((name) => display.indexOf(name) === display.lastIndexOf(name));
  return [...new Set([...unique, ...clusters.map((cluster) => lastPart(cluster.name))])];
}

/** `CLUSTER/nodes/1000`, `CLUSTER/jobs/1`: the cluster stays as it was typed. */
async function partsOf(session: Session, prefix: string, signal: AbortSignal): Promise<string[]> {
  const typed = /^(?:clusters\/)?[^/]+/.exec(prefix)![0];
  const api = await session.api();
  const cluster = await findCluster(api, typed, signal);
  const [{ nodes }, { jobs }] = await Promise.all([
    api.clusters.listNodes({ parent: cluster.name, pageSize: 1000 }, { signal }),
    api.jobs.listJobs({ parent: cluster.name, pageSize: 100 }, { signal }),
  ]);
  return [...nodes, ...jobs].map(({ name }) => typed + name.slice(cluster.name.length));
}
