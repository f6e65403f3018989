/** Names of resources as people type them. Parsing is pure; finding a cluster by its display name asks Loom. */
import type { LoomClient } from "../gateway/client.js";
import type { Cluster } from "../gen/web/loom/v1/cluster_pb.js";
import { Cluster_State } from "../gen/web/loom/v1/cluster_pb.js";
import { clusterIdOf } from "../services/common/ids.js";
import { LoomError } from "../services/common/errors.js";
import { DOCUMENT_KINDS, type DocumentKind } from "../services/server/catalog/types.js";
import { closest, didYouMean } from "../services/server/catalog/suggest.js";
import { badInput, CliError, EXIT } from "./exit.js";

/** What a typed name points to. `cluster` is as typed, without `clusters/`. */
export interface Reference {
  readonly cluster: string;
  /** True where `clusters/` stood before it: then it is no display name. */
  readonly exact: boolean;
  readonly job?: number;
  readonly task?: number;
  readonly node?: number;
}

const SHAPE = /^(clusters\/)?([^/]+)(?:\/jobs\/(\d{1,9})(?:\/tasks\/(\d{1,9}))?|\/nodes\/(\d{1,9}))?$/;

/** @throws CliError where the text is no name of a cluster, job, task or node */
export function parseReference(text: string): Reference {
  const match = SHAPE.exec(text);
  if (match === null) {
    throw badInput(
      `"${text}" names nothing.`,
      "Names look like hello, hello-1a, clusters/hello-1a, hello-1a/nodes/1000, hello-1a/jobs/1 or hello-1a/jobs/1/tasks/4.",
    );
  }
  const [, prefix, cluster, job, task, node] = match;
  return {
    cluster: cluster!,
    exact: prefix !== undefined,
    ...(job === undefined ? {} : { job: Number(job) }),
    ...(task === undefined ? {} : { task: Number(task) }),
    ...(node === undefined ? {} : { node: Number(node) }),
  };
}

/** The last part of a resource name: `hello-1a` of `clusters/hello-1a`. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** `hello-1a` of `clusters/hello-1a/jobs/3`. */
export function clusterPart(name: string): string {
  return name.split("/")[1] ?? "";
}

/**
 * The cluster a person means: `clusters/NAME-ID`, `NAME-ID`, or a display name that exactly one live cluster has.
 *
 * @throws CliError where there is none, or several and the person must say which
 */
export async function findCluster(api: LoomClient, text: string, signal: AbortSignal): Promise<Cluster> {
  const { cluster: name, exact } = parseReference(text);
  const byName = clusterIdOf(name) === undefined ? Promise.resolve(undefined) : getIfThere(api, name, signal);
  const byDisplayName = exact
    ? Promise.resolve([])
    : api.clusters.listClusters({ displayName: name, pageSize: 20 }, { signal }).then((answer) => answer.clusters);
  const [found, alike] = await Promise.all([byName, byDisplayName]);
  const candidates = [
    ...(found === undefined ? [] : [found]),
    ...alike.filter((cluster) => cluster.name !== found?.name),
  ];
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0) throw await nothingCalled(api, name, exact, signal);
  throw new CliError(
    EXIT.badInput,
    `"${name}" may mean ${candidates.length === 2 ? "either of two" : `any of ${candidates.length}`} clusters:`,
    {
      advice: [
        ...candidates.map(
          (cluster) =>
            `${cluster.name}  ${Cluster_State[cluster.state]}  ${cluster.nodeCount} nodes  template ${cluster.template}`,
        ),
        `Say which, for example: ${candidates[0]!.name}`,
      ],
    },
  );
}

async function getIfThere(api: LoomClient, name: string, signal: AbortSignal): Promise<Cluster | undefined> {
  try {
    return await api.clusters.getCluster({ name: `clusters/${name}` }, { signal });
  } catch (thrown) {
    // A display name may look like a name with an id, and need not be a valid one.
    if (thrown instanceof LoomError && (thrown.code === "NOT_FOUND" || thrown.reason === "INVALID_NAME"))
      return undefined;
    throw thrown;
  }
}

async function nothingCalled(api: LoomClient, name: string, exact: boolean, signal: AbortSignal): Promise<CliError> {
  const { clusters } = await api.clusters.listClusters({ pageSize: 1000 }, { signal });
  const known = clusters.flatMap((cluster) =>
    exact ? [lastPart(cluster.name)] : [cluster.displayName, lastPart(cluster.name)],
  );
  const hint = didYouMean(name, known);
  const message = exact ? `There is no cluster clusters/${name}.` : `No live cluster is called "${name}".`;
  return new CliError(EXIT.badInput, `${message} ${hint}`.trimEnd(), {
    advice: ["List them with: loom list"],
    reason: "CLUSTER_NOT_FOUND",
  });
}

/** `documents/KIND/NAME` of `KIND/NAME` or `documents/KIND/NAME`; the kind may be in any case and plural. */
export function parseDocumentName(text: string): {
  readonly kind: DocumentKind;
  readonly id: string;
  readonly name: string;
} {
  const [kindText, id, ...more] = text.replace(/^documents\//, "").split("/");
  if (kindText === undefined || id === undefined || id === "" || more.length > 0) {
    throw badInput(
      `"${text}" names no document.`,
      "Names look like Service/web or documents/ClusterTemplate/web-farm.",
    );
  }
  const kind = parseKind(kindText);
  return { kind, id, name: `documents/${kind}/${id}` };
}

const SHORT: Readonly<Record<string, DocumentKind>> = {
  template: "ClusterTemplate",
  hardware: "HardwareType",
  image: "ImageType",
  partial: "PartialTemplate",
};

/** A kind of document from what a person types: `service`, `services`, `template`, `ClusterTemplate`, ... */
export function parseKind(text: string): DocumentKind {
  const folded = text.toLowerCase().replace(/[-_]/g, "").replace(/s$/, "");
  const found = SHORT[folded] ?? DOCUMENT_KINDS.find((kind) => kind.toLowerCase() === folded);
  if (found !== undefined) return found;
  const near = closest(text, [...DOCUMENT_KINDS, ...Object.keys(SHORT)]);
  throw badInput(
    `There is no kind of document "${text}".${near === undefined ? "" : ` Did you mean ${near}?`}`,
    `Kinds: ${DOCUMENT_KINDS.join(", ")}.`,
  );
}
