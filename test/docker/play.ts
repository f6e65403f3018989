/**
 * Plays the actions of a template on real containers, in the order of a plan, without server and workers: what the
 * documents of the catalog do on nodes is tested here.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { LoomError } from "../../services/common/errors.js";
import { machineToken, taskKey } from "../../services/common/ids.js";
import { readFolder } from "../../services/common/read-folder.js";
import { createShellAutomator } from "../../services/provisioner/automators/shell/shell.js";
import type { MachineRequest, Provider } from "../../services/provisioner/providers/provider.js";
import { checkAction, effectiveAction } from "../../services/server/catalog/actions.js";
import { initialConfig } from "../../services/server/catalog/config.js";
import { loadCatalog } from "../../services/server/catalog/load.js";
import { findGenerated, revealSecrets, withSecretReferences } from "../../services/server/catalog/secrets.js";
import type { Action, Catalog, JsonObject, ServiceAction } from "../../services/server/catalog/types.js";
import { expandMacros } from "../../services/server/macros/expand.js";
import { IMAGE } from "./daemon.js";

/** What the nodes of a played cluster are made of. */
export interface PlayedImage {
  /** Image type document. */
  readonly imageType: string;
  /** What the provider calls it. */
  readonly image: string;
}

const DEBIAN: PlayedImage = { imageType: "debian", image: IMAGE };
const automator = createShellAutomator();

export interface PlayedNode {
  readonly number: number;
  readonly hostname: string;
  readonly services: readonly string[];
  readonly request: MachineRequest;
  address: string;
}

export interface ActionEnd {
  readonly exitCode: number;
  /** Everything printed, both streams as they came. */
  readonly output: string;
}

/** The catalog that ships. */
export async function shippedCatalog(): Promise<Catalog> {
  const files = await readFolder(fileURLToPath(new URL("../../catalog", import.meta.url)));
  return loadCatalog(files).catalog;
}

/** One cluster. Nodes are numbered from 1000 in the order they are added. */
export class Play {
  readonly uid = randomUUID();
  readonly nodes: PlayedNode[] = [];
  readonly secrets = new Map<string, string>();
  readonly #config: JsonObject;
  #job = 0;

  constructor(
    readonly provider: Provider,
    readonly catalog: Catalog,
    readonly template: string,
    readonly image: PlayedImage = DEBIAN,
  ) {
    const services = new Map(
      [...catalog.Service].filter(([name]) => this.#template.defaults?.services?.includes(name)),
    );
    const config = initialConfig(services, this.#template, {});
    for (const path of findGenerated(config)) this.secrets.set(path, randomBytes(18).toString("base64url"));
    this.#config = withSecretReferences(config);
  }

  get #template(): NonNullable<ReturnType<Catalog["ClusterTemplate"]["get"]>> {
    return this.catalog.ClusterTemplate.get(this.template)!;
  }

  with(service: string): PlayedNode[] {
    return this.nodes.filter((node) => node.services.includes(service));
  }

  /** Adds nodes, each with one service, and does everything up to START on them, services in this order. */
  async add(...services: string[]): Promise<void> {
    this.#job += 1;
    const added = services.map((service, i) => this.#node(1000 + this.nodes.length + i, service));
    this.nodes.push(...added);
    const context = { signal: AbortSignal.timeout(300_000), log: () => {}, output: () => {} };
    await Promise.all(
      added.map(async (node) => {
        await this.provider.create(node.request, context);
        const report = await this.provider.confirm(node.request, context);
        node.address = report.addresses["internal"]!;
        await automator.bootstrap(this.provider.channel(node.request), context);
      }),
    );
    for (const action of ["install", "configure", "initialize"]) {
      await Promise.all(added.map((node) => this.must(node, action)));
    }
    for (const service of new Set(services)) {
      await Promise.all(
        added.filter((node) => node.services.includes(service)).map((node) => this.must(node, "start")),
      );
    }
  }

  /** Runs an action as a job of its own. */
  async again(node: PlayedNode, action: string): Promise<void> {
    this.#job += 1;
    await this.must(node, action);
  }

  /** What a job does to a service that names others which have changed. */
  async renew(node: PlayedNode): Promise<void> {
    this.#job += 1;
    for (const action of ["configure", "stop", "start"]) await this.must(node, action);
  }

  async must(node: PlayedNode, action: string): Promise<void> {
    const { exitCode, output } = await this.act(node, action);
    if (exitCode !== 0) throw new Error(`${action} on ${node.hostname} ended with ${exitCode}:\n${output}`);
  }

  /** Runs the template's check. */
  async check(): Promise<ActionEnd> {
    this.#job += 1;
    return this.act(this.with(this.#template.check!.service)[0]!, "check");
  }

  async act(node: PlayedNode, action: string): Promise<ActionEnd> {
    const service = node.services[0]!;
    const defined: Action | undefined =
      action === "check"
        ? checkAction(this.#template.check!)
        : this.catalog.Service.get(service)!.actions?.[action as ServiceAction];
    if (defined === undefined) return { exitCode: 0, output: "" };
    const { imageType } = this.image;
    const effective = effectiveAction(defined, imageType);
    if (effective === undefined)
      throw new LoomError("INVALID_CATALOG", `${service} has no ${action} for ${imageType}.`);
    const { script, ...fields } = effective.fields;
    const seen = (one: PlayedNode) => ({ ...one, addresses: { internal: one.address, external: one.address } });
    const nodesOf = (name: string) => this.with(name).map(seen);
    const context = { owner: "test", self: seen(node), nodesOf };
    const expanded = expandMacros(fields, context) as JsonObject;
    let output = "";
    const { exitCode } = await automator.act(
      this.provider.channel(node.request),
      {
        action,
        service,
        fields: { ...expanded, script },
        config: revealSecrets(expandMacros(this.#visible(service), context) as JsonObject, this.secrets),
        taskKey: taskKey({
          clusterUid: this.uid,
          job: this.#job,
          node: node.number,
          incarnation: 1,
          service,
          action,
          replacements: 0,
        }),
        epoch: 1n,
        job: this.#job,
        runner: 1,
        attempt: 1,
        timeoutMs: effective.timeoutSeconds * 1000,
        node: {
          number: node.number,
          hostname: node.hostname,
          services: node.services,
          addresses: { internal: node.address },
        },
        clusterName: "play-1",
      },
      {
        signal: AbortSignal.timeout(300_000),
        log: () => {},
        output: (_stream, bytes) => (output += Buffer.from(bytes).toString()),
      },
    );
    return { exitCode, output };
  }

  /** Removes every machine. */
  async destroy(): Promise<void> {
    const context = { signal: AbortSignal.timeout(120_000), log: () => {} };
    await Promise.all(this.nodes.map((node) => this.provider.delete(node.request, context)));
  }

  #node(number: number, service: string): PlayedNode {
    const hostname = `play-${number}.local`;
    const request: MachineRequest = {
      token: machineToken(this.uid, number, 1),
      clusterUid: this.uid,
      clusterName: "play-1",
      tenant: "test",
      nodeNumber: number,
      hostname,
      services: [service],
      flavor: "small",
      hardwareFields: { memoryMb: 512 },
      image: this.image.image,
      user: "root",
      fields: {},
      results: {},
    };
    return { number, hostname, services: [service], request, address: "" };
  }

  /** What a service may see: its own configuration, and what belongs to no service. */
  #visible(service: string): JsonObject {
    return Object.fromEntries(
      Object.entries(this.#config).filter(([key]) => key === service || !this.catalog.Service.has(key)),
    );
  }
}
