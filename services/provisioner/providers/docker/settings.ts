/** The fields of provider documents of type `docker`, and of the hardware types for them. */
import { z } from "zod";
import { LoomError } from "../../../common/errors.js";
import type { Fields, FieldSchema } from "../provider.js";
import { capacity, parseBlock } from "./subnets.js";
import type { Block } from "./subnets.js";

export const DOCKER_FIELDS: readonly FieldSchema[] = [
  {
    name: "host",
    type: "string",
    description:
      "Where the Docker daemon answers, as in DOCKER_HOST: unix:///var/run/docker.sock or tcp://name:port. DOCKER_HOST of the provisioner where empty.",
  },
  {
    name: "networkRange",
    type: "string",
    description:
      "IPv4 block the clusters' networks are cut from, for example 10.213.0.0/16, which is used where nothing is said.",
  },
  {
    name: "networkPrefix",
    type: "integer",
    description:
      "Size of each cluster's network, 16 to 29; 24 where nothing is said, which holds 253 machines. No network holds more than 1,000.",
  },
  {
    name: "mounts",
    type: "object",
    description:
      "Files and folders of this host that every machine sees, read only: path in the machine to path on the host.",
  },
  {
    name: "env",
    type: "object",
    description:
      "Environment variables of every machine. The provisioner's proxy settings are handed on unless they stand here.",
  },
];

export interface DockerSettings {
  /** As DOCKER_HOST. */
  readonly host: string;
  readonly range: Block;
  readonly prefix: number;
  /** Path on the host by path in the machine. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

/** Limits of a machine; absent means none. */
export interface MachineLimits {
  /** Processors, fractions allowed. */
  readonly cpus?: number | undefined;
  readonly memoryMb?: number | undefined;
}

const path = z.string().startsWith("/");
const fieldsSchema = z.object({
  host: z.string().optional(),
  networkRange: z.string().default("10.213.0.0/16"),
  networkPrefix: z.int().min(16).max(29).default(24),
  mounts: z.record(path, path).default({}),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).default({}),
});
const limitsSchema = z.object({ cpus: z.number().positive().optional(), memoryMb: z.int().min(6).optional() });

function invalid(field: string, description: string): LoomError {
  return new LoomError("INVALID_FIELD", `Field "${field}" of the docker provider is wrong: ${description}.`, {
    violations: [{ field, description }],
  });
}

function parse<T>(schema: z.ZodType<T>, fields: Fields): T {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw invalid(issue.path.join("."), issue.message);
}

/** Where the daemon is looked for unless a provider document says otherwise. */
export function defaultHost(env: NodeJS.ProcessEnv = process.env): string {
  return env.DOCKER_HOST || "unix:///var/run/docker.sock";
}

const PROXIES = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];

/**
 * The proxy settings that hold for machines as well. A proxy on this host's loopback address is out of their reach.
 */
export function proxies(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = PROXIES.flatMap((name) => [name, name.toUpperCase()]);
  const usable = names.filter(
    (name) => env[name] && !/^(\w+:\/\/)?([^@/]*@)?(localhost|127\.|\[::1\])/.test(env[name]),
  );
  const reached = usable.some((name) => !/^no_proxy$/i.test(name));
  return reached ? Object.fromEntries(usable.map((name) => [name, env[name]!])) : {};
}

/**
 * Reads a provider document's fields.
 *
 * @throws INVALID_FIELD
 */
export function readSettings(fields: Fields, env: NodeJS.ProcessEnv = process.env): DockerSettings {
  const parsed = parse(fieldsSchema, fields);
  const range = parseBlock(parsed.networkRange);
  if (range === undefined)
    throw invalid("networkRange", `"${parsed.networkRange}" is no IPv4 block such as 10.213.0.0/16`);
  if (parsed.networkPrefix < range.prefix || capacity(parsed.networkPrefix) < 1) {
    throw invalid("networkPrefix", `a /${parsed.networkPrefix} does not fit into ${parsed.networkRange}`);
  }
  return {
    host: parsed.host || defaultHost(env),
    range,
    prefix: parsed.networkPrefix,
    mounts: parsed.mounts,
    env: { ...proxies(env), ...parsed.env },
  };
}

/**
 * Reads a hardware type's fields for docker.
 *
 * @throws INVALID_FIELD
 */
export function readLimits(hardwareFields: Fields): MachineLimits {
  return parse(limitsSchema, hardwareFields);
}
