/** One cluster on Docker as a user has it: operations through the API, and commands on its containers. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { LoomProcess } from "../support/loom-process.js";

const execute = promisify(execFile);

/** What the docker client prints. */
export async function docker(...args: string[]): Promise<string> {
  return (await execute("docker", args, { maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
}

export interface NodeJson {
  readonly number: number;
  readonly services: readonly string[];
  readonly machine: string;
  readonly addresses: Readonly<Record<string, string>>;
}

interface JobJson {
  readonly name: string;
  readonly state: string;
  readonly message?: string;
}

/** How long a job may take; it only ends a run that would fail anyway. */
const JOB_MS = 15 * 60_000;

export class Cluster {
  /** Without `clusters/`; the whole name once it was created. */
  name: string;

  constructor(
    readonly loom: LoomProcess,
    displayName: string,
  ) {
    this.name = displayName;
  }

  /** Asks for an operation and waits for its job, which has to end so. Answers its message. */
  async run(method: string, body: object, end: "COMPLETE" | "FAILED" = "COMPLETE"): Promise<string> {
    return this.#ended(await this.#call("ClusterService", method, { name: `clusters/${this.name}`, ...body }), end);
  }

  async create(template: string, nodes: number): Promise<void> {
    await this.loom.must("create", this.name, "--template", template, "--nodes", String(nodes), "--provider", "docker");
    const { clusters } = await this.#call<{ clusters: { name: string; displayName: string }[] }>(
      "ClusterService",
      "ListClusters",
      { displayName: this.name },
    );
    this.name = clusters[0]!.name.replace("clusters/", "");
    await this.#ended(await this.#call("JobService", "GetJob", { name: `clusters/${this.name}/jobs/1` }), "COMPLETE");
  }

  /** Lets the last job, which has failed, go on. */
  async retry(job: number): Promise<void> {
    const name = `clusters/${this.name}/jobs/${job}`;
    await this.#ended(await this.#call("JobService", "RetryJob", { name }), "COMPLETE");
  }

  /** Number of the newest job. */
  async newestJob(): Promise<number> {
    const { jobs } = await this.#call<{ jobs: { name: string }[] }>("JobService", "ListJobs", {
      parent: `clusters/${this.name}`,
      pageSize: 1,
    });
    return Number(jobs[0]!.name.split("/").at(-1));
  }

  async nodes(service?: string): Promise<NodeJson[]> {
    const { nodes } = await this.#call<{ nodes: NodeJson[] }>("ClusterService", "ListNodes", {
      parent: `clusters/${this.name}`,
    });
    return nodes.filter((node) => service === undefined || node.services.includes(service));
  }

  /** Runs a shell text on a node, with what Loom's scripts have. */
  on(node: NodeJson, script: string): Promise<string> {
    const home = "/var/lib/loom";
    const path = `${home}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    const variables = {
      LOOM_HOME: home,
      LOOM_CONFIG: `${home}/config.json`,
      LOOM_ADDRESS: node.addresses["internal"]!,
      PATH: path,
    };
    const env = Object.entries(variables).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
    return docker("exec", ...env, node.machine, "sh", "-c", script);
  }

  async #ended(job: unknown, end: string): Promise<string> {
    const { name } = job as JobJson;
    for (const deadline = Date.now() + JOB_MS; ; await sleep(100)) {
      const now = await this.#call<JobJson>("JobService", "GetJob", { name });
      const state = now.state.replace("STATE_", "");
      if (["COMPLETE", "FAILED", "CANCELLED"].includes(state)) {
        if (state === end) return now.message ?? "";
        throw new Error(`${name} is ${state}, not ${end}: ${now.message ?? ""}`);
      }
      if (Date.now() > deadline) throw new Error(`${name} did not end within ${JOB_MS / 60_000} minutes`);
    }
  }

  async #call<T = unknown>(service: string, method: string, body: object): Promise<T> {
    const answer = await fetch(`${this.loom.url}/loom.v1.${service}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.loom.token}` },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method}: ${text}`);
    return JSON.parse(text) as T;
  }
}
