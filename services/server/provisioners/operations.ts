/**
 * Provisioners of other machines: invited with a token that lets one in, once; known by a certificate from then on;
 * let in no more once they are revoked.
 */
import { createHash, randomBytes } from "node:crypto";
import { issueClient, keyOfRequest, LEAF_DAYS, type KeyPair } from "../../common/certificates/issue.js";
import { LoomError } from "../../common/errors.js";
import { META_SHARD } from "../../common/ids.js";
import type { Caller, EnrolmentOperations, ProvisionerOperations } from "../application.js";
import { decodePageToken, encodePageToken, pageSize } from "../paging.js";
import type { MetaChanged } from "../records/types.js";
import { checkEtag, requestOf } from "../requests.js";
import { LOG_TOPIC, PROVISIONERS_TOPIC, type Signals } from "../signals.js";
import type { Log } from "../store/log.js";
import { findById, findByToken, findRevoked, listProvisioners, type StoredProvisioner } from "../store/provisioners.js";
import type { Rows } from "../store/rows.js";
import type { SecretBox } from "../store/secrets.js";
import type { ProvisionerView } from "../views.js";
import type { ConnectedWorker } from "../workers/hub.js";

/** What a Loom that lets provisioners of other machines in has for them. */
export interface Enrolment {
  /** Signs their certificates. */
  readonly authority: KeyPair;
  /** Of the authority. */
  readonly fingerprint: string;
  /** Where they connect, likeliest first, `host:port`; empty before it is known. */
  addresses(): readonly string[];
}

export interface ProvisionerServices {
  readonly db: Rows;
  readonly log: Log;
  readonly epochs: ReadonlyMap<number, bigint>;
  readonly signals: Signals;
  readonly secrets: SecretBox;
  /** Undefined where nobody is let in. */
  readonly enrolment: Enrolment | undefined;
  connected(): readonly ConnectedWorker[];
  /** Milliseconds since 1970. */
  now(): number;
}

const DEFAULT_TTL_S = 3600;
const DAY_MS = 86_400_000;

const hashOf = (text: string | Uint8Array): Buffer => createHash("sha256").update(text).digest();

/** 50 random bits in letters and digits that cannot be mistaken for each other. */
function newId(): string {
  const letters = "abcdefghijkmnpqrstuvwxyz23456789";
  return [...randomBytes(10)].map((byte) => letters[byte & 31]).join("");
}

function notFound(id: string): LoomError {
  return new LoomError("PROVISIONER_NOT_FOUND", `There is no provisioner ${id}. See: loom provisioner list --all`, {
    metadata: { provisioner: id },
  });
}

function badToken(why: string): LoomError {
  return new LoomError("JOIN_TOKEN_INVALID", `The join token ${why}. Make another one: loom provisioner token`);
}

function nobodyIsLetIn(): LoomError {
  return new LoomError(
    "NO_WORKER_ADDRESS",
    "This Loom listens nowhere for provisioners of other machines. Start it with --workers-listen ADDRESS:PORT.",
  );
}

export function createProvisionerOperations(
  services: ProvisionerServices,
): ProvisionerOperations & EnrolmentOperations {
  const { db, log, epochs, signals, secrets, enrolment, now } = services;

  function viewOf(stored: StoredProvisioner): ProvisionerView {
    const streams = services.connected().filter(({ provisioner }) => provisioner === stored.id);
    const types = streams.flatMap(({ offers }) =>
      offers.filter(({ kind, available }) => kind === "PROVIDER" && available).map(({ type }) => type),
    );
    const { keyHash: _, tenant: __, ...rest } = stored;
    return {
      ...rest,
      state:
        stored.revokeTime !== undefined
          ? "REVOKED"
          : stored.joinTime !== undefined
            ? "JOINED"
            : stored.tokenExpireTime.getTime() <= now()
              ? "EXPIRED"
              : "INVITED",
      connected: streams.length > 0,
      slots: streams.reduce((sum, { slots }) => sum + slots, 0),
      providerTypes: [...new Set(types)].sort(),
    };
  }

  const append = <T>(
    caller: Pick<Caller, "tenant" | "user">,
    name: string,
    more: Pick<Parameters<typeof log.append>[0], "request" | "dryRun">,
    build: Parameters<typeof log.append<T>>[1],
    replay?: Parameters<typeof log.append<T>>[2],
  ): Promise<T> =>
    log
      .append(
        { name, shard: META_SHARD, epoch: epochs.get(META_SHARD)!, tenant: caller.tenant, actor: caller.user, ...more },
        build,
        replay,
      )
      .then((answer) => {
        if (more.dryRun !== true) for (const topic of [LOG_TOPIC, PROVISIONERS_TOPIC]) signals.notify(topic);
        return answer;
      });

  /** Writes who got a certificate for which key, then signs it: a certificate that nobody wrote down is never given. */
  async function certify(
    stored: StoredProvisioner,
    publicKey: Buffer,
    as: { readonly host: string; readonly datacenter: string },
    check: (current: StoredProvisioner) => void,
  ): ReturnType<EnrolmentOperations["join"]> {
    const authority = enrolment!.authority;
    const key = hashOf(publicKey);
    const at = now();
    await append(
      { tenant: stored.tenant, user: `provisioners/${stored.id}` },
      "certify provisioner",
      {},
      async (tx) => {
        const current = await findById(tx, stored.id);
        if (current === undefined) throw notFound(stored.id);
        check(current);
        const body: MetaChanged = {
          kind: "MetaChanged",
          certified: {
            id: stored.id,
            ...as,
            key: key.toString("base64"),
            expires: new Date(at + LEAF_DAYS * DAY_MS).toISOString(),
          },
        };
        return { bodies: [body], answer: () => Promise.resolve() };
      },
    );
    const { cert, expires } = await issueClient(authority, { name: stored.id, publicKey }, at);
    return { id: stored.id, label: stored.label, certificate: cert, authority: authority.cert, expireTime: expires };
  }

  return {
    async list(caller, request) {
      const limit = pageSize(request.pageSize);
      const list = { of: "provisioners", revoked: request.showRevoked };
      const key = decodePageToken(list, request.pageToken, 2);
      const found = await listProvisioners(db, {
        tenant: caller.tenant,
        after: key === undefined ? undefined : { time: new Date(Number(key[0])), id: String(key[1]) },
        liveAt: request.showRevoked ? undefined : new Date(now()),
        limit: limit + 1,
      });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map(viewOf),
        nextPageToken:
          found.length <= limit || last === undefined
            ? ""
            : encodePageToken(list, [last.createTime.getTime(), last.id]),
      };
    },

    async invite(caller, { label, ttlSeconds, requestId, validateOnly }) {
      if (enrolment === undefined) throw nobodyIsLetIn();
      const ttl = ttlSeconds === 0 ? DEFAULT_TTL_S : ttlSeconds;
      const request = requestOf(requestId, "CreateJoinToken", { label, ttl });
      const context = `join token ${request.id}`;
      const shown = async (rows: Rows, id: string, token: string) => ({
        provisioner: viewOf((await findById(rows, id))!),
        token,
        fingerprint: enrolment.fingerprint,
        addresses: enrolment.addresses(),
      });
      return append(
        caller,
        "invite provisioner",
        { request, dryRun: validateOnly },
        () => {
          const id = newId();
          const token = `loomjoin_${randomBytes(32).toString("base64url")}`;
          const body: MetaChanged = {
            kind: "MetaChanged",
            invited: {
              id,
              label,
              hash: hashOf(token).toString("base64"),
              tokenExpires: new Date(now() + ttl * 1000).toISOString(),
            },
          };
          return Promise.resolve({
            bodies: [body],
            // Sealed, so that the same request can be answered again and the database gives no token away.
            keep: { id, token: secrets.seal(token, context).toString("base64") },
            answer: (tx) => shown(tx, id, validateOnly ? "" : token),
          });
        },
        (tx, { kept }) => {
          const { id, token } = kept as { id: string; token: string };
          return shown(tx, id, secrets.open(Buffer.from(token, "base64"), context));
        },
      );
    },

    async revoke(caller, id, mutation) {
      const current = async (rows: Rows): Promise<StoredProvisioner> => {
        const stored = await findById(rows, id);
        if (stored === undefined || stored.tenant !== caller.tenant) throw notFound(id);
        return stored;
      };
      return append(
        caller,
        "revoke provisioner",
        {
          request: requestOf(mutation.requestId, "RevokeProvisioner", { id, etag: mutation.etag }),
          dryRun: mutation.validateOnly,
        },
        async (tx) => {
          const stored = await current(tx);
          checkEtag(mutation.etag, stored.etag, `Provisioner ${id}`);
          const body: MetaChanged = { kind: "MetaChanged", dismissed: [id] };
          return {
            bodies: stored.revokeTime === undefined ? [body] : [],
            answer: async (after) => viewOf(await current(after)),
          };
        },
        async (tx) => viewOf(await current(tx)),
      );
    },

    async join({ token, request, host, datacenter }) {
      if (enrolment === undefined) throw nobodyIsLetIn();
      const publicKey = await keyOfRequest(request);
      const stored = await findByToken(db, hashOf(token));
      if (stored === undefined) throw badToken("is not known: it was never given out, or by another Loom");
      return certify(stored, publicKey, { host, datacenter }, (current) => {
        if (current.revokeTime !== undefined) throw badToken(`was revoked at ${current.revokeTime.toISOString()}`);
        // The same key is the same provisioner, which did not hear the answer.
        if (current.keyHash !== undefined && !current.keyHash.equals(hashOf(publicKey)))
          throw badToken(`was used already, by the machine ${current.host} at ${current.joinTime?.toISOString()}`);
        if (current.tokenExpireTime.getTime() <= now())
          throw badToken(`ended at ${current.tokenExpireTime.toISOString()}`);
      });
    },

    async renew(id, request) {
      if (enrolment === undefined) throw nobodyIsLetIn();
      const publicKey = await keyOfRequest(request);
      const stored = await findById(db, id);
      if (stored === undefined) throw notFound(id);
      return certify(stored, publicKey, { host: stored.host, datacenter: stored.datacenter }, ({ revokeTime }) => {
        if (revokeTime !== undefined) throw revoked(id);
      });
    },

    async admit(id) {
      const stored = await findById(db, id);
      if (stored?.joinTime === undefined || stored.revokeTime !== undefined) throw revoked(id);
      return { label: stored.label };
    },

    revoked: (ids) => findRevoked(db, ids),

    onChange: (wake) => signals.listen(PROVISIONERS_TOPIC, wake),
  };
}

/** What a provisioner hears that is let in no more. */
function revoked(id: string): LoomError {
  return new LoomError(
    "PROVISIONER_REVOKED",
    `Provisioner ${id} was revoked and is let in no more. To let it in again: make a token with loom provisioner token, and join with it.`,
    { metadata: { provisioner: id } },
  );
}
