/** Everything that is done to a cluster of a template, one after the other, each timed. */
import { Cluster, docker, type NodeJson } from "./cluster.js";
import type { LoomProcess } from "../support/loom-process.js";
import type { TemplateUnderTest } from "./templates.js";

export const STEPS = [
  "create",
  "check red",
  "configure",
  "grow",
  "shrink",
  "replace",
  "stop",
  "start",
  "reboot",
  "repair",
  "delete",
] as const;
export type Step = (typeof STEPS)[number];

export interface Outcome {
  readonly template: string;
  /** Seconds of every step that was done. */
  readonly seconds: Partial<Record<Step, number>>;
  /** What went wrong, and in which step. */
  readonly failure?: { readonly step: Step; readonly message: string };
  /** Containers and networks that were there after the delete. */
  readonly left: readonly string[];
}

/** Runs the steps in order; where one fails the cluster is deleted and the others are left out. */
export async function runSteps(
  loom: LoomProcess,
  subject: TemplateUnderTest,
  say: (line: string) => void,
  steps: readonly Step[] = STEPS,
): Promise<Outcome> {
  const cluster = new Cluster(loom, `t-${subject.template}`);
  const seconds: Partial<Record<Step, number>> = {};
  const doing = work(cluster, subject);
  let failure: Outcome["failure"];
  /** Of the cluster, whose containers say it. */
  const uids = new Set<string>();
  for (const step of steps) {
    if (failure !== undefined && step !== "delete") continue;
    const started = performance.now();
    try {
      await doing[step]();
      for (const uid of await ofLoom(loom, '{{.Label "loom.uid"}}')) uids.add(uid);
      seconds[step] = (performance.now() - started) / 1000;
      say(`  ${step.padEnd(10)} ${seconds[step]!.toFixed(1).padStart(6)} s`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      say(`  ${step.padEnd(10)} FAILED: ${message}`);
      if (failure === undefined) {
        failure = { step, message };
        const logs = await loom.loom("logs", cluster.name);
        say(logs.out.split("\n").slice(-40).join("\n"));
      }
    }
  }
  const left = await belongings(loom, uids);
  for (const thing of left) say(`  left behind: ${thing}`);
  return { template: subject.template, seconds, ...(failure === undefined ? {} : { failure }), left };
}

const linesOf = async (...args: string[]): Promise<string[]> =>
  (await docker(...args)).split("\n").filter((line) => line !== "");

const ofLoom = (loom: LoomProcess, format: string): Promise<string[]> =>
  linesOf("ps", "--all", "--filter", `label=loom.installation=${loom.folder}`, "--format", format);

/** Containers of a Loom, and the networks of clusters, which other Looms have too. */
async function belongings(loom: LoomProcess, uids: ReadonlySet<string>): Promise<string[]> {
  const containers = await ofLoom(loom, "container {{.Names}}");
  const networks = await linesOf("network", "ls", "--filter", "label=loom.cluster", "--format", "network {{.Name}}");
  return [...containers, ...networks.filter((name) => uids.has(name.replace("network loom-net-", "")))];
}

function work(cluster: Cluster, subject: TemplateUnderTest): Record<Step, () => Promise<unknown>> {
  const { grows, by, memory } = subject;
  /** What was written at the beginning is still there. */
  const remembered = async (): Promise<void> => {
    if (memory !== undefined) await each(memory.read, false);
  };
  const each = async (script: string, onlyFirst: boolean): Promise<void> => {
    const addresses = (await cluster.nodes(memory!.of)).map((node) => node.addresses["internal"]).join(",");
    const nodes = await cluster.nodes(memory!.on);
    for (const node of onlyFirst ? nodes.slice(0, 1) : nodes)
      await cluster.on(node, script.replaceAll("%NODES%", addresses));
  };
  const size = async (service: string, expected: number): Promise<void> => {
    const { length } = await cluster.nodes(service);
    if (length !== expected) throw new Error(`${service} is on ${length} nodes, not ${expected}`);
  };
  let before = 0;
  return {
    async create() {
      await cluster.create(subject.template, subject.nodes);
      await size(grows, (before = (await cluster.nodes(grows)).length));
      if (memory !== undefined) await each(memory.write, true);
      await remembered();
    },
    async "check red"() {
      for (const broken of subject.broken) await turnsRed(cluster, broken);
    },
    async configure() {
      await cluster.run("ConfigureCluster", { config: subject.config, restart: subject.restart });
      await remembered();
    },
    async grow() {
      await cluster.run("AddNodes", { service: grows, count: by });
      await size(grows, before + by);
      await remembered();
    },
    async shrink() {
      await cluster.run("RemoveNodes", { service: grows, count: by });
      await size(grows, before);
      await remembered();
    },
    async replace() {
      for (const service of subject.replaced) {
        const [node] = await cluster.nodes(service);
        await cluster.run("ReplaceNode", { node: node!.number });
        const now = (await cluster.nodes(service)).find(({ number }) => number === node!.number);
        if (now === undefined || now.machine === node!.machine) throw new Error(`${service} has the same machine`);
        await remembered();
      }
    },
    async stop() {
      await cluster.run("StopServices", {});
      for (const { service, program } of subject.broken)
        for (const node of await cluster.nodes(service))
          if (await runs(cluster, node, program)) throw new Error(`${program} runs on node ${node.number}`);
    },
    async start() {
      await cluster.run("StartServices", {});
      await remembered();
    },
    async reboot() {
      const machines = (await cluster.nodes()).map((node) => node.machine);
      await docker("kill", ...machines);
      await docker("start", ...machines);
      // Nothing but CONFIGURE and the check: the services have to come up by themselves.
      await cluster.run("ConfigureCluster", {});
      await remembered();
    },
    async repair() {
      // A machine that is gone cannot take its leave: the others have to do without.
      for (const service of subject.replaced) {
        const node = (await cluster.nodes(service)).at(-1)!;
        await docker("rm", "--force", node.machine);
        await cluster.run("RepairCluster", {});
        await remembered();
      }
      await size(grows, before);
    },
    async delete() {
      await cluster.run("DeleteCluster", {});
    },
  };
}

async function runs(cluster: Cluster, node: NodeJson, program: string): Promise<boolean> {
  return cluster.on(node, `loom-service status ${program}`).then(
    () => true,
    () => false,
  );
}

/** Stops a program behind Loom's back: the check fails. Starts it again and retries the job: the check passes. */
async function turnsRed(
  cluster: Cluster,
  { service, program }: { readonly service: string; readonly program: string },
): Promise<void> {
  const nodes = await cluster.nodes(service);
  const node = nodes.at(-1)!;
  await cluster.on(node, `loom-service stop ${program}`);
  const message = await cluster.run("ConfigureCluster", { services: [service] }, "FAILED");
  if (!/check/i.test(message)) throw new Error(`not the check failed, but: ${message}`);
  await cluster.on(node, `loom-service start ${program}`);
  await cluster.retry(await cluster.newestJob());
}
