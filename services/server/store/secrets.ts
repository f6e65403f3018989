/**
 * Secrets at rest: AES-256-GCM with a key of the key file, which is made at the first start and never leaves the
 * machine. A sealed secret names its key, so keys can be added in front of the file and old secrets stay readable.
 *
 * Sealed form: format (1 byte) | key id (8) | nonce (12) | tag (16) | ciphertext. What it belongs to (its context) is
 * authenticated with it: a secret moved to another row does not open.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { chmod, link, open, readFile, rm, stat } from "node:fs/promises";
import { LoomError } from "../../common/errors.js";
import type { Rows } from "./rows.js";

export interface SecretBox {
  /** @param context what the secret belongs to, for example `<cluster uid>/<path>` */
  seal(text: string, context: string): Buffer;
  /** @throws SECRET_UNREADABLE where the key is not there, the context is another one, or the bytes were changed */
  open(sealed: Uint8Array, context: string): string;
}

const FORMAT = 1;
const ID = 8;
const NONCE = 12;
const TAG = 16;
const HEADER = 1 + ID + NONCE;

/**
 * Reads the key file, and makes it where there is none.
 *
 * @throws SECRET_UNREADABLE where the file is damaged or cannot be read
 */
export async function createSecretBox(keyFile: string): Promise<SecretBox> {
  const keys = await readKeys(keyFile);
  const [newest] = keys.keys();

  return {
    seal: (text, context) => {
      const nonce = randomBytes(NONCE);
      const head = Buffer.concat([Buffer.of(FORMAT), Buffer.from(newest!, "hex"), nonce]);
      const cipher = createCipheriv("aes-256-gcm", keys.get(newest!)!, nonce);
      cipher.setAAD(Buffer.concat([head, Buffer.from(context)]));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([head, cipher.getAuthTag(), body]);
    },
    open: (sealed, context) => {
      const bytes = Buffer.from(sealed);
      if (bytes.length < HEADER + TAG || bytes[0] !== FORMAT) throw unreadable("is damaged", context);
      const head = bytes.subarray(0, HEADER);
      const id = head.subarray(1, 1 + ID).toString("hex");
      const key = keys.get(id);
      if (key === undefined)
        throw unreadable(
          `was sealed with the key ${id}, which is not in ${keyFile}; put the key file back from a backup`,
          context,
        );
      try {
        const cipher = createDecipheriv("aes-256-gcm", key, head.subarray(1 + ID));
        cipher.setAAD(Buffer.concat([head, Buffer.from(context)]));
        cipher.setAuthTag(bytes.subarray(HEADER, HEADER + TAG));
        return Buffer.concat([cipher.update(bytes.subarray(HEADER + TAG)), cipher.final()]).toString("utf8");
      } catch (thrown) {
        throw unreadable("was changed after it was sealed, or belongs elsewhere", context, thrown);
      }
    },
  };
}

/** The context of a cluster's secret. */
export function clusterSecretContext(clusterUid: string, path: string): string {
  return `${clusterUid}/${path}`;
}

/**
 * Every secret of a cluster, by its path in the configuration.
 *
 * @throws SECRET_UNREADABLE
 */
export async function openClusterSecrets(
  db: Rows,
  box: SecretBox,
  shard: number,
  cluster: bigint,
): Promise<Map<string, string>> {
  const rows = await db.rows<{ uid: string; path: string; sealed: Buffer }>(
    `SELECT cluster.uid, secret.path, secret.sealed FROM secret JOIN cluster ON cluster.shard = secret.shard AND cluster.id = secret.cluster_id
     WHERE secret.shard = $1 AND secret.cluster_id = $2 ORDER BY secret.path`,
    [shard, cluster],
  );
  return new Map(rows.map(({ uid, path, sealed }) => [path, box.open(sealed, clusterSecretContext(uid, path))]));
}

function unreadable(what: string, context: string, cause?: unknown): LoomError {
  return new LoomError("SECRET_UNREADABLE", `The stored secret ${context} ${what}.`, { metadata: { context }, cause });
}

/** Lines of `<key id in hex> <key in base64>`, the newest first. */
async function readKeys(path: string): Promise<Map<string, Buffer>> {
  let text: string;
  try {
    text = await readFile(path, "utf8").catch(async (thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== "ENOENT") throw thrown;
      await makeKeyFile(path);
      return readFile(path, "utf8");
    });
    if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  } catch (thrown) {
    throw new LoomError(
      "SECRET_UNREADABLE",
      `The key file ${path} cannot be read. Run Loom as the user it belongs to.`,
      { metadata: { path }, cause: thrown },
    );
  }
  const keys = new Map<string, Buffer>();
  for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
    const [, id, key] = /^([0-9a-f]{16}) ([A-Za-z0-9+/=]+)$/.exec(line.trim()) ?? [];
    const bytes = Buffer.from(key ?? "", "base64");
    if (id === undefined || bytes.length !== 32) throw damaged(path);
    keys.set(id, bytes);
  }
  if (keys.size === 0) throw damaged(path);
  return keys;
}

function damaged(path: string): LoomError {
  return new LoomError(
    "SECRET_UNREADABLE",
    `The key file ${path} is damaged. Put it back from a backup: without it the secrets of existing clusters are lost.`,
    { metadata: { path } },
  );
}

/** Whole or not at all, and never over one that is there: link(2) refuses. */
async function makeKeyFile(path: string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  const file = await open(unfinished, "wx", 0o600);
  try {
    await file.writeFile(`${randomBytes(ID).toString("hex")} ${randomBytes(32).toString("base64")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(unfinished, path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
  } finally {
    await rm(unfinished, { force: true });
  }
}
