/**
 * Accepting a new cluster: everything that can be known is checked, solved and pinned before the record is written, so
 * that what is accepted can be planned.
 */
import { randomUUID } from "node:crypto";
import { LoomError, type FieldViolation } from "../../common/errors.js";
import { META_SHARD, nthClusterId, shardOfRequest, type IdSpace } from "../../common/ids.js";
import type { Caller, CreateCluster } from "../application.js";
import { documentId } from "../catalog/problems.js";
import { configLayers, initialConfig } from "../catalog/config.js";
import { lockedConfig, resolveTemplate } from "../catalog/resolve.js";
import { findGenerated, hideTexts, maskAsked, secretPlaces, withSecretReferences } from "../catalog/secrets.js";
import type { Bodies, ClusterTemplate, DocumentKind } from "../catalog/types.js";
import { pricesAt, type Prices } from "../cost/cost.js";
import { withCost } from "../cost/plan-cost.js";
import type { CatalogSnapshot, CatalogSnapshots } from "../documents/snapshot.js";
import { planRequest } from "../plan/request.js";
import { buildLayoutProblem } from "../layout/problem.js";
import type { LayoutProblem, LayoutResult, NodeGroup } from "../layout/types.js";
import type { PlanRequest, TaskGraph } from "../plan/types.js";
import { planView } from "../plan/view.js";
import { leaseUntil } from "../leases/change.js";
import { initialLease, termsOf } from "../leases/rules.js";
import type { Quotas } from "../quotas/operations.js";
import type { ClusterSpec, IdBlock, OpAccepted, Pinned } from "../records/types.js";
import { requestOf } from "../requests.js";
import type { Log } from "../store/log.js";
import { readCluster } from "../store/read/clusters.js";
import type { Rows } from "../store/rows.js";
import { clusterSecretContext, type SecretBox } from "../store/secrets.js";
import type { Tx } from "../store/transaction.js";
import type { ClusterView } from "../views.js";
import { generatePassword } from "./operate.js";
import { fullView } from "./views.js";

export interface CreateServices {
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly space: IdSpace;
  readonly snapshots: CatalogSnapshots;
  readonly secrets: SecretBox;
  readonly quotas: Quotas;
  /** Milliseconds since 1970. */
  now(): number;
  solve(problem: LayoutProblem): Promise<LayoutResult>;
  plan(request: PlanRequest): Promise<TaskGraph>;
}

/** Ids given out under one logged block. */
const ID_BLOCK = 1024;
/** Display names go into host names and resource names. */
const DISPLAY_NAME = /^[A-Za-z](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?$/;

interface Prepared {
  readonly spec: ClusterSpec;
  readonly services: readonly string[];
  readonly addedServices: readonly string[];
  readonly groups: readonly NodeGroup[];
  readonly config: CreateCluster["config"];
  /** New secrets by path in the configuration; undefined where a password is to be made. */
  readonly newSecrets: ReadonlyMap<string, string | undefined>;
  /** What was asked for, for people. */
  readonly askedConfig: CreateCluster["config"];
  /** Milliseconds; 0 for ever. */
  readonly lease: number;
  /** Documents that the request brought along, `{kind}/{name}`; undefined for none. */
  readonly documents: readonly string[] | undefined;
}

export function createClusterCreator(
  services: CreateServices,
): (caller: Caller, request: CreateCluster) => Promise<{ view: { id: string; cluster: ClusterView }; isNew: boolean }> {
  const { log, epochs, space, snapshots, secrets } = services;
  const shards = [...epochs.keys()].filter((shard) => shard !== META_SHARD).sort((a, b) => a - b);

  async function prepare(caller: Caller, request: CreateCluster): Promise<Prepared> {
    const { snapshot, documents } =
      request.documents === undefined
        ? { snapshot: await snapshots.of(caller.tenant), documents: undefined }
        : await snapshots.with(caller.tenant, request.documents);
    const template = usableTemplate(snapshot, request.template);
    const lease = initialLease(termsOf(template.lease), request.lease);
    const {
      problem,
      services: names,
      addedServices,
      provider,
    } = buildLayoutProblem({
      catalog: snapshot.catalog,
      template,
      templateName: request.template,
      request: {
        size: request.nodeCount,
        services: request.services,
        provider: request.provider,
        hardwareType: request.hardwareType,
        imageType: request.imageType,
        withDependencies: request.withDependencies,
      },
    });
    checkUsable(snapshot, "Provider", provider);
    for (const name of names) checkUsable(snapshot, "Service", name);
    const groups = solved(await services.solve(problem));
    const serviceBodies = new Map(names.map((name) => [name, snapshot.catalog.Service.get(name)!]));
    const locked = lockedConfig(snapshot.catalog, request.template);
    const merged = initialConfig(serviceBodies, template, request.config, locked);
    // What the documents have made as a secret stays one where the request brings its own.
    const places = secretPlaces(configLayers(serviceBodies, template));
    const { config, texts } = hideTexts(merged, places);
    const pin = <K extends DocumentKind>(kind: K, used: Iterable<string>): Record<string, Pinned<Bodies[K]>> =>
      Object.fromEntries(
        [...new Set(used)].map((name) => [
          name,
          { version: snapshot.versionOf(kind, name), body: snapshot.find(kind, name)!.document.body as Bodies[K] },
        ]),
      );
    return {
      spec: {
        template: {
          name: request.template,
          version: snapshot.versionOf("ClusterTemplate", request.template),
          body: template,
          ...(locked.length === 0 ? {} : { locked }),
        },
        provider: { name: provider, ...pin("Provider", [provider])[provider]! },
        services: pin("Service", names),
        // Later operations choose again among everything that could be chosen now.
        hardwareTypes: pin("HardwareType", problem.hardwareTypes),
        imageTypes: pin("ImageType", problem.imageTypes),
        dnsSuffix: request.dnsSuffix === "" ? (template.defaults?.dnsSuffix ?? "") : request.dnsSuffix,
      },
      services: [...names].sort(),
      addedServices,
      groups,
      config: withSecretReferences(config),
      newSecrets: new Map([...findGenerated(config).map((path) => [path, undefined] as const), ...texts]),
      askedConfig: maskAsked(request.config, places),
      lease,
      documents,
    };
  }

  /** The next id of a shard, with the record of a new block where the last one is used up. */
  async function mintId(tx: Tx, shard: number): Promise<{ id: bigint; block: IdBlock[] }> {
    const [row] = await tx.rows<{ n: bigint; upto: bigint }>(
      "UPDATE shard_id SET next = next + 1 WHERE shard = $1 RETURNING next - 1 AS n, upto",
      [shard],
    );
    const { n, upto } = row!;
    return {
      id: nthClusterId(shard, n, space),
      block: n < upto ? [] : [{ kind: "IdBlock", upto: Number(n) + ID_BLOCK }],
    };
  }

  return async (caller, request) => {
    checkRequest(request);
    const { requestId, validateOnly, ...asked } = request;
    const requested = requestOf(requestId, "CreateCluster", asked);
    const shard = shardOfRequest(requested.id, shards, space);
    const append = {
      name: "accept create",
      shard,
      epoch: epochs.get(shard)!,
      tenant: caller.tenant,
      actor: caller.user,
      request: requested,
      dryRun: validateOnly,
    };
    const view = async (tx: Rows, id: bigint): Promise<{ id: string; cluster: ClusterView }> => ({
      id: String(id),
      cluster: await fullView(tx, (await readCluster(tx, shard, id))!),
    });
    // Solving may take long, so it comes before the transaction; a request that is repeated needs none of it.
    let prepared = (await log.isAnswered(shard, requested.id)) ? undefined : await prepare(caller, request);
    let isNew = true;
    const answer = await log.append(
      append,
      async (tx) => {
        isNew = true;
        prepared ??= await prepare(caller, request);
        const { spec, services: names, groups, config, newSecrets, askedConfig, lease, documents } = prepared;
        const now = services.now();
        const ending = leaseUntil(now, lease === 0 ? undefined : now + lease);
        const { id, block } = await mintId(tx, shard);
        const uid = randomUUID();
        const sealed = Object.fromEntries(
          [...newSecrets].map(([path, text]) => [
            path,
            secrets.seal(text ?? generatePassword(), clusterSecretContext(uid, path)).toString("base64"),
          ]),
        );
        const body: OpAccepted = {
          kind: "OpAccepted",
          job: 1,
          operation: "CREATE",
          request: {
            ...asked,
            services: [...asked.services],
            config: askedConfig,
            lease: asked.lease ?? null,
            // What they say stands in the spec, as far as the cluster is made from it.
            documents: documents === undefined ? null : [...documents],
          },
          credential: caller.credential,
          sourceAddress: caller.sourceAddress,
          groups,
          create: {
            uid,
            displayName: request.displayName,
            description: request.description,
            services: names,
            spec,
            config,
            secrets: sealed,
            ...(ending === undefined ? {} : { lease: ending }),
            prices: pricesOf(spec),
          },
        };
        const nodes = groups.reduce((sum, group) => sum + group.count, 0);
        await services.quotas.take(tx, caller.tenant, { clusters: 1, nodes });
        return { bodies: [...block, body], clusterId: id, job: 1, answer: (after) => view(after, id) };
      },
      (tx, answered) => {
        isNew = false;
        return view(tx, answered.clusterId!);
      },
    );
    if (!validateOnly || prepared === undefined) return { view: answer, isNew: isNew && !validateOnly };
    const { spec, config, groups, addedServices } = prepared;
    const { cluster } = answer;
    const planned = planRequest(
      { id: BigInt(answer.id), displayName: cluster.displayName, spec, config },
      { kind: "CREATE", groups, change: {} },
      [],
      1000,
    );
    const plan = planView(await services.plan(planned), planned.nodes, { addedServices });
    return {
      view: { id: answer.id, cluster: { ...cluster, plan: withCost(plan, pricesOf(spec)) } },
      isNew: false,
    };
  };
}

/** What each machine it may get costs. */
function pricesOf({ provider, hardwareTypes }: ClusterSpec): Prices {
  return pricesAt(
    provider.name,
    Object.entries(hardwareTypes).map(([name, { body }]) => [name, body]),
  );
}

/** @throws INVALID_FIELD with every field that is wrong */
function checkRequest(request: CreateCluster): void {
  const violations: FieldViolation[] = [];
  if (!DISPLAY_NAME.test(request.displayName)) {
    violations.push({
      field: "display_name",
      description: "must be 1 to 40 letters, digits and hyphens, begin with a letter and not end with a hyphen",
    });
  }
  if (request.template === "") violations.push({ field: "template", description: "must name a cluster template" });
  if (!Number.isInteger(request.nodeCount) || request.nodeCount < 1)
    violations.push({ field: "node_count", description: "must be 1 or more" });
  if (violations.length === 0) return;
  const text = violations.map(({ field, description }) => `${field} ${description}`).join("; ");
  throw new LoomError("INVALID_FIELD", `The cluster cannot be made as asked: ${text}.`, { violations });
}

/** @throws TEMPLATE_NOT_FOUND, TEMPLATE_UNUSABLE */
function usableTemplate(snapshot: CatalogSnapshot, name: string): ClusterTemplate {
  const problem = snapshot.problems.errorOf("ClusterTemplate", name);
  if (snapshot.catalog.ClusterTemplate.has(name) && problem !== undefined) {
    throw new LoomError(
      "TEMPLATE_UNUSABLE",
      `Template "${name}" cannot be used: ${problem.message} ${problem.suggestion}`.trim(),
      { metadata: { template: name } },
    );
  }
  return resolveTemplate(snapshot.catalog, name);
}

/** @throws PLUGIN_TYPE_UNKNOWN, TEMPLATE_UNUSABLE for a chosen document that cannot be used */
function checkUsable(snapshot: CatalogSnapshot, kind: DocumentKind, name: string): void {
  const problem = snapshot.problems.errorOf(kind, name);
  if (problem === undefined) return;
  const reason = problem.path === "type" ? "PLUGIN_TYPE_UNKNOWN" : "TEMPLATE_UNUSABLE";
  throw new LoomError(
    reason,
    `${documentId(kind, name)} cannot be used: ${problem.message} ${problem.suggestion}`.trim(),
    { metadata: { document: documentId(kind, name) } },
  );
}

/** @throws NO_LAYOUT, LAYOUT_TOO_HARD */
export function solved(result: LayoutResult): readonly NodeGroup[] {
  if (result.outcome === "solved") return result.groups;
  if (result.outcome === "tooHard")
    throw new LoomError("LAYOUT_TOO_HARD", result.sentence, { metadata: { steps: String(result.steps) } });
  throw new LoomError("NO_LAYOUT", result.sentence, {
    metadata: Object.fromEntries(
      result.conflict.map((constraint, index) => [`constraint_${index + 1}`, constraint.text]),
    ),
  });
}
