/** What can be asked of the catalog. */
import { LoomError } from "../../common/errors.js";
import { META_SHARD } from "../../common/ids.js";
import type { Caller, CatalogOperations, Mutation } from "../application.js";
import { planApply, planDelete, type CurrentDocument } from "../catalog/apply.js";
import { hasErrors, loadCatalog } from "../catalog/load.js";
import type { DocumentKind, Problem } from "../catalog/types.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import type { MetaChanged } from "../records/types.js";
import { checkEtag, requestOf } from "../requests.js";
import { LOG_TOPIC, type Signals } from "../signals.js";
import type { DocumentStore, StoredDocument } from "../store/documents.js";
import type { Log } from "../store/log.js";
import type { SecretBox } from "../store/secrets.js";
import type { DocumentChangeView, DocumentView, PluginTypeView } from "../views.js";
import { invalidCatalog } from "./invalid.js";
import { sealSensitive } from "./sensitive.js";
import { knownPlugins, type CatalogSnapshot, type CatalogSnapshots } from "./snapshot.js";

export interface CatalogServices {
  readonly store: DocumentStore;
  readonly snapshots: CatalogSnapshots;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly signals: Signals;
  readonly secrets: SecretBox;
  offers(): readonly PluginTypeView[];
}

function notFound(kind: DocumentKind, id: string, version = 0): LoomError {
  const which = version === 0 ? `${kind} "${id}"` : `Version ${version} of ${kind} "${id}"`;
  return new LoomError(
    "DOCUMENT_NOT_FOUND",
    `${which} is not in the catalog. List what is there with "loom catalog list".`,
    { metadata: { kind, id } },
  );
}

function viewOf(stored: StoredDocument, problems: readonly Problem[]): DocumentView {
  const { document, version, shipped, deleted, createTime, etag } = stored;
  return {
    kind: document.kind,
    id: document.name,
    body: document.body,
    version,
    shipped,
    deleted,
    problems,
    createTime,
    etag,
  } as DocumentView;
}

const current = (stored: StoredDocument): CurrentDocument => stored;

export function createCatalogOperations(services: CatalogServices): CatalogOperations {
  const { store, snapshots, log, epochs, signals } = services;

  const appendRequest = (
    caller: Caller,
    name: string,
    dryRun: boolean,
    request: { id: string; fingerprint: string },
  ) => ({
    name,
    shard: META_SHARD,
    epoch: epochs.get(META_SHARD)!,
    tenant: caller.tenant,
    actor: caller.user,
    request,
    dryRun,
  });

  /** Whatever became of it: where its outcome is unknown the catalog may be another one too. */
  async function changing<T>(tenant: string, append: Promise<T>): Promise<T> {
    try {
      return await append;
    } finally {
      snapshots.forget(tenant);
      signals.notify(LOG_TOPIC);
    }
  }

  const view = (snapshot: CatalogSnapshot, stored: StoredDocument): DocumentView =>
    viewOf(
      stored,
      snapshot.problems
        .of(stored.document.kind, stored.document.name)
        .filter((problem) => problem.severity === "error"),
    );

  return {
    async list(caller, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["documents", request.kind ?? ""];
      const after = decodePageToken(shape, request.pageToken, 2);
      const snapshot = await snapshots.of(caller.tenant);
      const found = snapshot.stored.filter(
        ({ document, deleted }) =>
          !deleted &&
          (request.kind === undefined || document.kind === request.kind) &&
          (after === undefined || `${document.kind}/${document.name}` > `${after[0]}/${after[1]}`),
      );
      found.sort((a, b) =>
        `${a.document.kind}/${a.document.name}` < `${b.document.kind}/${b.document.name}` ? -1 : 1,
      );
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map((one) => view(snapshot, one)),
        nextPageToken:
          found.length > limit && last !== undefined
            ? encodePageToken(shape, [last.document.kind, last.document.name])
            : "",
      };
    },

    async get(caller, kind, id, version) {
      const snapshot = await snapshots.of(caller.tenant);
      const newest = snapshot.find(kind, id);
      if (version === 0 || newest?.version === version) {
        if (newest === undefined || (newest.deleted && version === 0)) throw notFound(kind, id);
        return view(snapshot, newest);
      }
      const older = await store.version(caller.tenant, kind, id, version);
      if (older === undefined) throw notFound(kind, id, version);
      return viewOf(older, []);
    },

    async versions(caller, kind, id, request) {
      const limit = pageSize(request.pageSize);
      const shape = ["versions", kind, id];
      const before = decodePageToken(shape, request.pageToken, 1);
      const found = await store.versions(
        caller.tenant,
        kind,
        id,
        before === undefined ? undefined : Number(before[0]),
        limit + 1,
      );
      if (found.length === 0 && before === undefined) throw notFound(kind, id);
      const page = found.slice(0, limit);
      return {
        items: page.map((one) => viewOf(one, [])),
        nextPageToken: found.length > limit ? encodePageToken(shape, [page.at(-1)!.version]) : "",
      };
    },

    async apply(caller, request) {
      const plugins = knownPlugins(services.offers());
      const requested = requestOf(request.requestId, "ApplyDocuments", {
        files: request.files,
        shipped: request.shipped,
      });
      return changing(
        caller.tenant,
        log.append(
          appendRequest(caller, "apply documents", request.validateOnly, requested),
          async () => {
            // The head of the meta shard is locked: nobody else writes documents now.
            snapshots.forget(caller.tenant);
            const snapshot = await snapshots.of(caller.tenant);
            const loaded = loadCatalog(request.files, plugins, snapshot.catalog);
            const parsingFailed = loaded.problems.some(
              (problem) => problem.severity === "error" && problem.document === "",
            );
            if (hasErrors(loaded.problems) && !request.validateOnly && (!request.shipped || parsingFailed))
              throw invalidCatalog("Nothing was written", loaded.problems);
            const planned = planApply(
              snapshot.stored.map(current),
              sealSensitive(
                loaded.documents.map((one) => one.document),
                {
                  box: services.secrets,
                  tenant: caller.tenant,
                  offers: services.offers(),
                  known: (name) => snapshot.catalog.Provider.get(name),
                },
              ),
              { shipped: request.shipped },
            );
            const documents = planned.flatMap(({ write }) =>
              write === undefined
                ? []
                : [
                    {
                      kind: write.document.kind,
                      name: write.document.name,
                      version: write.version,
                      body: write.document.body as never,
                      shipped: write.shipped,
                    },
                  ],
            );
            const changes: DocumentChangeView[] = planned.map(({ kind, document, version, fields }) => ({
              kind,
              document,
              version,
              fields,
            }));
            const body: MetaChanged = { kind: "MetaChanged", documents };
            const answer = { changes, problems: loaded.problems };
            return {
              bodies: documents.length === 0 ? [] : [body],
              keep: answer,
              answer: () => Promise.resolve(answer),
            };
          },
          (_tx, answered) => Promise.resolve(answered.kept as Awaited<ReturnType<CatalogOperations["apply"]>>),
        ),
      );
    },

    async delete(caller, kind, id, mutation: Mutation) {
      const requested = requestOf(mutation.requestId, "DeleteDocument", { kind, id, etag: mutation.etag });
      return changing(
        caller.tenant,
        log.append(
          appendRequest(caller, "delete document", mutation.validateOnly, requested),
          async () => {
            snapshots.forget(caller.tenant);
            const snapshot = await snapshots.of(caller.tenant);
            const stored = snapshot.find(kind, id);
            if (stored === undefined || stored.deleted) throw notFound(kind, id);
            checkEtag(mutation.etag, stored.etag, `${kind} "${id}"`);
            const mark = planDelete(current(stored));
            const body: MetaChanged = {
              kind: "MetaChanged",
              documents: [{ kind, name: id, version: mark.version, body: null, shipped: mark.shipped }],
            };
            return {
              bodies: [body],
              answer: () => Promise.resolve({ ...viewOf(stored, []), deleted: true, version: mark.version }),
            };
          },
          async () => {
            const [mark] = await store.versions(caller.tenant, kind, id, undefined, 1);
            if (mark === undefined) throw notFound(kind, id);
            return viewOf(mark, []);
          },
        ),
      );
    },

    pluginTypes: () => Promise.resolve(services.offers()),
  };
}
