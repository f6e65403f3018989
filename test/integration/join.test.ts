/** Provisioners of other machines: how they get in, what they are given to do, and how they are kept out. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LoomError, type Reason } from "../../services/common/errors.js";
import { issueServer, LEAF_DAYS, makeAuthority } from "../../services/common/certificates/issue.js";
import { join as enrol, newKey, renew } from "../../services/provisioner/worker/enrolment.js";
import { fingerprintOfPem } from "../../services/standalone/certificates.js";
import { identityFiles } from "../../services/standalone/identity-file.js";
import { useJoiningLoom } from "../support/joining.js";
import { CALLER, mutation } from "../support/loom.js";
import { until } from "../support/wait.js";

const HOUR_MS = 3_600_000;
const failsWith =
  (reason: Reason, text = /./) =>
  (thrown: unknown): boolean =>
    thrown instanceof LoomError && thrown.reason === reason && text.test(thrown.message);

describe("joining provisioners", function () {
  this.timeout(30_000);
  const loom = useJoiningLoom();
  const listed = async (showRevoked = false) =>
    (await loom.server.application.provisioners.list(CALLER, { pageSize: 0, pageToken: "", showRevoked })).items;
  const connected = (id: string): Promise<void> =>
    until(`${id} is connected`, async () => (await listed()).some((one) => one.id === id && one.connected));

  it("work for the providers that name them, and the one of this machine for the others", async () => {
    const { token, id } = await loom.token();
    assert.equal((await listed())[0]!.state, "INVITED");
    const provisioner = await loom.join({ token });
    assert.deepEqual([provisioner.id, provisioner.label], [id, "rack-2"]);
    await until("both streams are there", async () => (await listed())[0]!.slots === 8);
    const [seen] = await listed();
    assert.deepEqual(
      [seen!.state, seen!.slots, seen!.providerTypes, seen!.datacenter, seen!.creator],
      ["JOINED", 8, ["simulated"], "there", CALLER.user],
    );
    assert.deepEqual(
      (await loom.create("far", "far")).map((worker) => worker.replace(/-\d+$/, "")),
      [id, id],
    );
    assert.deepEqual(await loom.create("near", "near"), ["near-1"]);
    assert.match(provisioner.said.join("\n"), /joined the Loom at .* as rack-2[^]*connected to/);
  });

  it("are waited for by jobs that nobody else serves, with words that say so", async () => {
    const made = loom.create("waits", "far");
    const job = async () => {
      const { items } = await loom.server.application.jobs.list(CALLER, "-", {
        pageSize: 1,
        pageToken: "",
        states: ["WAITING"],
      });
      return items[0]?.message ?? "";
    };
    await until("the job says what it waits for", async () =>
      /No connected provisioner with the label rack-2 offers provider type "simulated"/.test(await job()),
    );
    const { token, id } = await loom.token();
    await loom.join({ token });
    assert.ok((await made).every((worker) => worker.startsWith(id)));
  });

  it("keep what makes them known where nobody else can read it, and need the token once", async () => {
    const { token, id } = await loom.token();
    const folder = loom.folder();
    const first = await loom.join({ token, folder });
    await connected(id);
    await first.stop();
    const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
    assert.deepEqual(files, ["identity.json"]);
    assert.equal(statSync(join(folder, "identity.json")).mode & 0o777, 0o600);
    assert.ok(!readFileSync(join(folder, "identity.json"), "utf8").includes(token));
    // Without anything, with the same token again, and at the address it is given.
    for (const again of [{ address: undefined, fingerprint: undefined }, { token }, {}]) {
      const next = await loom.join({ folder, ...again });
      assert.equal(next.id, id);
      await connected(id);
      await next.stop();
    }
    await assert.rejects(
      loom.join({ folder, fingerprint: `sha256:${"00".repeat(32)}` }),
      failsWith("FINGERPRINT_MISMATCH", /another fingerprint/),
    );
    assert.equal((await listed()).length, 1);
  });

  it("cannot use one token twice, even at once", async () => {
    const { token } = await loom.token();
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => loom.join({ token })));
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    assert.equal(refused.length, 5);
    for (const reason of refused)
      assert.ok(failsWith("JOIN_TOKEN_INVALID", /was used already, by the machine/)(reason));
    assert.equal((await listed()).length, 1);
  });

  it("may ask again with the same key where the answer was lost", async () => {
    const { token, id } = await loom.token();
    const key = await newKey();
    const as = { host: "h", datacenter: "" };
    const [one, two] = [
      await enrol(loom.address, loom.fingerprint, token, key, as),
      await enrol(loom.address, loom.fingerprint, token, key, as),
    ];
    assert.deepEqual([one.id, two.id, one.key], [id, id, two.key]);
    await assert.rejects(
      enrol(loom.address, loom.fingerprint, token, await newKey(), as),
      failsWith("JOIN_TOKEN_INVALID", /was used already/),
    );
    // The token ends for them too.
    loom.aheadMs = HOUR_MS + 1_000;
    await assert.rejects(
      enrol(loom.address, loom.fingerprint, token, key, as),
      failsWith("JOIN_TOKEN_INVALID", /ended at/),
    );
  });

  it("are refused with a token that ended, was revoked, or never was", async () => {
    const [old, revoked] = [await loom.token("rack-2", 60), await loom.token("rack-2")];
    await loom.server.application.provisioners.revoke(CALLER, revoked.id, mutation());
    await assert.rejects(loom.join({ token: revoked.token }), failsWith("JOIN_TOKEN_INVALID", /was revoked at/));
    await assert.rejects(loom.join({ token: "loomjoin_x" }), failsWith("JOIN_TOKEN_INVALID", /is not known/));
    loom.aheadMs = 61_000;
    await assert.rejects(loom.join({ token: old.token }), failsWith("JOIN_TOKEN_INVALID", /ended at/));
    // Those of the same millisecond go by their ids.
    const states = (await listed(true)).slice(0, 2).map(({ id, state }) => [id, state] as const);
    assert.deepEqual(
      new Map(states),
      new Map([
        [revoked.id, "REVOKED"],
        [old.id, "EXPIRED"],
      ]),
    );
    assert.deepEqual(await listed(), []);
  });

  it("send nothing to a server with another certificate, and say what is missing", async () => {
    const { token, id } = await loom.token();
    const folder = loom.folder();
    const other = fingerprintOfPem((await makeAuthority(Date.now())).cert);
    await assert.rejects(loom.join({ token, folder, fingerprint: other }), failsWith("FINGERPRINT_MISMATCH"));
    // The server's own certificate is another one soon.
    const own = fingerprintOfPem(loom.certificates.server.cert);
    await assert.rejects(
      loom.join({ token, folder, fingerprint: own }),
      failsWith("FINGERPRINT_MISMATCH", /authority/),
    );
    await assert.rejects(loom.join({ folder }), failsWith("INVALID_FIELD", /a token .* is missing/));
    await assert.rejects(loom.join({ token, folder, address: "nowhere" }), failsWith("INVALID_FIELD", /no address/));
    await assert.rejects(
      loom.join({ token, folder, address: "127.0.0.1:1" }),
      failsWith("UNREACHABLE", /--workers-listen/),
    );
    await assert.rejects(
      loom.join({ token, folder, providers: ["cloud"] }),
      failsWith("INVALID_FIELD", /no provider type cloud/),
    );
    // None of this has cost the token, nor left a lock behind.
    assert.equal((await loom.join({ token, folder })).id, id);
    await assert.rejects(loom.join({ folder }), failsWith("FOLDER_IN_USE"));
  });

  it("are out at once when they are revoked, and hear why", async () => {
    const { token, id } = await loom.token();
    const folder = loom.folder();
    const provisioner = await loom.join({ token, folder });
    await connected(id);
    const identity = identityFiles(folder).joined()!;
    await loom.server.application.provisioners.revoke(CALLER, id, mutation());
    const why = await provisioner.refused;
    assert.ok(failsWith("PROVISIONER_REVOKED", /To let it in again/)(why));
    await until("its streams are closed", () => !loom.server.hub.connected().some((one) => one.provisioner === id));
    assert.equal(loom.server.hub.isServed("simulated@rack-2"), false);
    await provisioner.stop();
    // Its certificate is good for nothing any more.
    await assert.rejects(renew(loom.address, identity), failsWith("PROVISIONER_REVOKED"));
    const again = await loom.join({ folder });
    assert.ok(failsWith("PROVISIONER_REVOKED")(await again.refused));
    await again.stop();
    // With a new token it is somebody new.
    const next = await loom.token();
    const back = await loom.join({ folder, token: next.token });
    assert.deepEqual([back.id, back.id === id], [next.id, false]);
    await connected(next.id);
  });

  it("get a newer certificate in time, and their connections stay", async () => {
    const { token, id } = await loom.token();
    const folder = loom.folder();
    await (await loom.join({ token, folder })).stop();
    const before = identityFiles(folder).joined()!;
    // A certificate of that time is not valid here yet, but for the day that clocks may differ by.
    const farFuture = LEAF_DAYS * 24 * HOUR_MS * 0.7;
    const provisioner = await loom.join({ folder, now: () => Date.now() + farFuture, renewLookMs: 50 });
    await until("it has a newer one", () => identityFiles(folder).joined()!.certificate !== before.certificate);
    const after = identityFiles(folder).joined()!;
    assert.deepEqual([after.id, after.token, after.key === before.key], [id, before.token, false]);
    await connected(id);
    await provisioner.stop();
    await loom.join({ folder });
    await connected(id);
    const events = await loom.server.application.events.list(CALLER, "", { pageSize: 1000, pageToken: "" });
    const words = events.items.filter(({ message }) => message.includes(id)).map(({ reason }) => reason);
    assert.ok(words.filter((reason) => reason === "PROVISIONER_CERTIFIED").length >= 2, words.join());
    assert.ok(words.includes("PROVISIONER_INVITED"));
  });

  it("finish what they run before they end, and get nothing more", async () => {
    const { token, id } = await loom.token();
    const provisioner = await loom.join({ token });
    await connected(id);
    await provisioner.drain(new AbortController().signal);
    await until("nothing is free there", () => {
      const client = { slotsFreed: () => undefined, result: () => undefined, lost: () => undefined };
      const slots = loom.server.hub.take(client, "simulated@rack-2", 1);
      loom.server.hub.leave(client);
      slots.forEach((slot) => slot.release());
      return slots.length === 0;
    });
  });

  it("are invited once by one request, and by nobody where it is only tried", async () => {
    const { provisioners } = loom.server.application;
    const request = { label: "rack-2", ttlSeconds: 600, requestId: randomUUID(), validateOnly: false };
    const [one, two] = [await provisioners.invite(CALLER, request), await provisioners.invite(CALLER, request)];
    assert.deepEqual([one.token, one.provisioner.id], [two.token, two.provisioner.id]);
    assert.deepEqual([one.addresses, one.fingerprint], [[loom.address], loom.fingerprint]);
    await assert.rejects(provisioners.invite(CALLER, { ...request, label: "other" }), failsWith("REQUEST_ID_REUSED"));
    const tried = await provisioners.invite(CALLER, { ...request, requestId: randomUUID(), validateOnly: true });
    assert.equal(tried.token, "");
    assert.equal((await listed()).length, 1);
    await assert.rejects(provisioners.revoke(CALLER, "nobody", mutation()), failsWith("PROVISIONER_NOT_FOUND"));
    const elsewhere = { ...CALLER, tenant: "other" };
    await assert.rejects(
      provisioners.revoke(elsewhere, one.provisioner.id, mutation()),
      failsWith("PROVISIONER_NOT_FOUND"),
    );
    const etag = (await listed())[0]!.etag;
    await provisioners.revoke(CALLER, one.provisioner.id, { ...mutation(), etag });
    await assert.rejects(
      provisioners.revoke(CALLER, one.provisioner.id, { ...mutation(), etag }),
      failsWith("ETAG_MISMATCH"),
    );
  });

  it("pages are whole and in order", async () => {
    const { provisioners } = loom.server.application;
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push((await loom.token(`rack-${i}`)).id);
    const seen: { id: string; createTime: Date }[] = [];
    let pageToken = "";
    do {
      const page = await provisioners.list(CALLER, { pageSize: 2, pageToken, showRevoked: false });
      seen.push(...page.items);
      ({ nextPageToken: pageToken } = page);
    } while (pageToken !== "");
    assert.deepEqual(seen.map(({ id }) => id).sort(), ids.sort());
    // Those of the same millisecond go by their ids.
    for (const [at, { id, createTime }] of seen.slice(1).entries()) {
      const before = seen[at]!;
      assert.ok(before.createTime > createTime || (+before.createTime === +createTime && before.id > id), id);
    }
  });

  it("never see a server whose certificate another authority has signed", async () => {
    const { token } = await loom.token();
    const folder = loom.folder();
    await (await loom.join({ token, folder })).stop();
    const other = await makeAuthority(Date.now());
    const forged = await issueServer(other, { names: [], addresses: ["127.0.0.1"] }, Date.now());
    const { createServer } = await import("node:tls");
    let bytes = 0;
    const listener = createServer({ ...forged, ALPNProtocols: ["h2"] }, (socket) => {
      socket.on("data", (chunk) => (bytes += chunk.length));
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const { port } = listener.address() as { port: number };
    const provisioner = await loom.join({ folder, address: `127.0.0.1:${port}` });
    await until("it says so", () => provisioner.said.some((line) => line.startsWith("not connected")));
    assert.equal(bytes, 0);
    await provisioner.stop();
    listener.close();
  });
});
