/** Access tokens: made once, shown once, kept only as a hash. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { META_SHARD } from "../../common/ids.js";
import type { Caller, Role } from "../application.js";
import { findToken } from "../store/documents.js";
import type { Database } from "../store/database.js";
import type { Log } from "../store/log.js";

/** The tenant of a Loom that knows no other. */
export const DEFAULT_TENANT = "default";

export interface Tokens {
  /** The caller a token belongs to, or undefined. */
  identify(token: string): Promise<Omit<Caller, "sourceAddress"> | undefined>;
  /** Makes a token and returns its text, which is not kept. */
  create(tenant: string, user: string, role: Role, label: string): Promise<string>;
}

/** Tokens are 256 random bits, so a plain hash is enough: there is nothing to guess from it. */
const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest();

export function createTokens(
  database: Pick<Database, "prisma">,
  log: Log,
  epochs: ReadonlyMap<number, bigint>,
): Tokens {
  return {
    async identify(token) {
      if (token === "") return undefined;
      const found = await findToken(database, hashOf(token));
      return found === undefined
        ? undefined
        : { tenant: found.tenant, user: found.user, role: found.role as Role, credential: found.id };
    },
    async create(tenant, user, role, label) {
      const token = `loom_${randomBytes(32).toString("base64url")}`;
      await log.append(
        { name: "create token", shard: META_SHARD, epoch: epochs.get(META_SHARD)!, tenant, actor: user },
        () =>
          Promise.resolve({
            bodies: [
              {
                kind: "MetaChanged",
                token: { id: randomUUID(), user, role, label, hash: hashOf(token).toString("base64") },
              },
            ],
            answer: () => Promise.resolve(),
          }),
      );
      return token;
    },
  };
}
