/** The fields of provider documents of type `ssh`. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { LoomError } from "../../../common/errors.js";
import type { Fields, FieldSchema } from "../provider.js";
import { ownKey } from "./known-hosts.js";

export const SSH_FIELDS: readonly FieldSchema[] = [
  {
    name: "hosts",
    type: "list",
    required: true,
    description:
      "The pool: addresses, or mappings of address, port, user, flavor, internalAddress (where other nodes reach it), hostKey and folder.",
  },
  {
    name: "user",
    type: "string",
    description: "Who logs in, unless a host says otherwise; root where nothing is said.",
  },
  { name: "privateKey", type: "string", sensitive: true, description: "The private key to log in with, as a text." },
  {
    name: "privateKeyFile",
    type: "string",
    description: "Path of the private key on the provisioner's machine, instead of privateKey.",
  },
  {
    name: "knownHosts",
    type: "string",
    description: "The hosts' own keys, in the format of known_hosts, as ssh-keyscan prints them.",
  },
  {
    name: "knownHostsFile",
    type: "string",
    description: "Path of such a text on the provisioner's machine; it is read anew for each connection.",
  },
  {
    name: "jump",
    type: "object",
    description: "A host that the others are reached through: address, port, user, hostKey.",
  },
  {
    name: "sudo",
    type: "boolean",
    description:
      "Whether commands run as root through sudo, for users other than root. It must not ask for a password.",
  },
  {
    name: "folder",
    type: "string",
    description: "Loom's folder on the hosts; /var/lib/loom for root, otherwise .loom in the user's home.",
  },
  {
    name: "goneAfterSeconds",
    type: "integer",
    description:
      "How long a host may be silent when its node is to be removed; then the node counts as removed. 30 where nothing is said.",
  },
];

/** Where to log in. */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey?: string | undefined;
}

/** A host of the pool. */
export interface Host extends Target {
  /** Address, and the port where it is not 22: the machine's name. */
  readonly name: string;
  /** Undefined: takes nodes of any. */
  readonly flavor?: string | undefined;
  readonly internalAddress?: string | undefined;
  /** Empty: as the user's rights suggest. */
  readonly folder: string;
}

export interface SshSettings {
  readonly hosts: readonly Host[];
  readonly jump: Target | undefined;
  readonly sudo: boolean;
  readonly goneAfterMs: number;
  /** The same text for the same rights: connections are shared by it. */
  readonly identity: string;
  /** The private key. @throws PROVIDER_ERROR where its file cannot be read */
  key(): string;
  /** In the format of known_hosts. @throws PROVIDER_ERROR */
  knownHosts(): string;
}

const text = z.string().min(1);
const port = z.int().min(1).max(65_535);
/** No name of a host is longer (RFC 1035, 2.3.4). */
const address = text.max(255).regex(/^[A-Za-z0-9._:%-]+$/, "is no address or name of a host");
const user = text.regex(/^[^\s@:-][^\s@:]*$/, "is no name of a user");
const hostKey = text.refine(
  (value) => ownKey(value) !== undefined,
  "is no key; give it as ssh-keyscan prints it, for example ssh-ed25519 AAAA..., or its fingerprint SHA256:...",
);
const folder = text.startsWith("/");
const target = { address, port: port.optional(), user: user.optional(), hostKey: hostKey.optional() };
const hostSchema = z.strictObject({
  ...target,
  flavor: text.optional(),
  internalAddress: text.optional(),
  folder: folder.optional(),
});
const fieldsSchema = z.object({
  hosts: z.array(z.union([address.transform((name) => ({ address: name })), hostSchema])).min(1),
  user: user.default("root"),
  privateKey: text.optional(),
  privateKeyFile: text.optional(),
  knownHosts: z.string().default(""),
  knownHostsFile: text.optional(),
  jump: z.strictObject(target).optional(),
  sudo: z.boolean().default(false),
  folder: folder.optional(),
  goneAfterSeconds: z.int().min(1).max(240).default(30),
});

function invalid(field: string, description: string): LoomError {
  return new LoomError("INVALID_FIELD", `Field "${field}" of the ssh provider is wrong: ${description}.`, {
    violations: [{ field, description }],
  });
}

function fileText(field: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    throw new LoomError(
      "PROVIDER_ERROR",
      `The file ${path}, which the field "${field}" names, cannot be read on the provisioner's machine (${code ?? "unknown"}).`,
      { cause: thrown },
    );
  }
}

/** What people and Loom call a host. */
export function hostName(host: string, number: number): string {
  if (number === 22) return host;
  return host.includes(":") ? `[${host}]:${number}` : `${host}:${number}`;
}

/**
 * Reads a provider document's fields.
 *
 * @throws INVALID_FIELD
 */
export function readSettings(fields: Fields): SshSettings {
  const parsed = fieldsSchema.safeParse(fields);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(issue.path.join("."), issue.message);
  }
  const { data } = parsed;
  const { privateKey, privateKeyFile, knownHosts, knownHostsFile } = data;
  if ((privateKey === undefined) === (privateKeyFile === undefined))
    throw invalid("privateKey", "give either privateKey or privateKeyFile");
  const complete = (one: z.infer<typeof hostSchema>) => ({ ...one, port: one.port ?? 22, user: one.user ?? data.user });
  const hosts = data.hosts.map(complete).map((one): Host => ({
    ...one,
    name: hostName(one.address, one.port),
    folder: one.folder ?? data.folder ?? "",
  }));
  const twice = hosts.find(({ name }, index) => hosts.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw invalid("hosts", `${twice.name} is there twice`);
  const secret = createHash("sha256").update(
    JSON.stringify([privateKey, privateKeyFile, knownHosts, knownHostsFile, data.jump]),
  );
  return {
    hosts,
    jump: data.jump === undefined ? undefined : complete(data.jump),
    sudo: data.sudo,
    goneAfterMs: data.goneAfterSeconds * 1000,
    identity: secret.digest("base64"),
    key: () => privateKey ?? fileText("privateKeyFile", privateKeyFile!),
    knownHosts: () =>
      knownHostsFile === undefined ? knownHosts : `${knownHosts}\n${fileText("knownHostsFile", knownHostsFile)}`,
  };
}
