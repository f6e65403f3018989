/** What `loom provisioner token`, `list` and `revoke` send and print. */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  Provisioner_State,
  ProvisionerSchema,
  type CreateJoinTokenRequest,
  type RevokeProvisionerRequest,
} from "../../gen/web/loom/v1/provisioner_pb.js";
import { refusal } from "./fake-loom.js";
import { runWith, start } from "./use-cli.js";

const FINGERPRINT = `sha256:${"0a".repeat(32)}`;
const rack = create(ProvisionerSchema, {
  name: "provisioners/abc23",
  label: "rack-2",
  state: Provisioner_State.JOINED,
  connected: true,
  host: "rack-2.example",
  slots: 32,
  providerTypes: ["docker", "local"],
  creator: "ada",
  createTime: timestampFromDate(new Date("2026-03-01T12:00:00Z")),
});
const token = {
  provisioner: rack,
  token: "loomjoin_x",
  fingerprint: FINGERPRINT,
  addresses: ["192.0.2.1:7421", "h:7421"],
};

describe("cli: provisioners of other machines", () => {
  it("token prints the line to paste, and nothing else, on standard output", async () => {
    let asked: CreateJoinTokenRequest | undefined;
    const provisioners = {
      createJoinToken: (request: CreateJoinTokenRequest) => {
        asked = request;
        return token;
      },
    };
    const { exit, out, err } = await runWith({ provisioners }, ["provisioner", "token", "rack-2", "--ttl", "10m"]);
    assert.equal(exit, 0);
    assert.equal(
      out,
      `LOOM_JOIN_TOKEN=loomjoin_x loom provisioner --join 192.0.2.1:7421 --fingerprint ${FINGERPRINT}\n`,
    );
    assert.match(err, /within 10m.*\(abc23\)[^]*Other addresses of this machine: h:7421[^]*`provisioner: rack-2`/);
    assert.deepEqual([asked?.label, asked?.ttlSeconds, asked?.validateOnly], ["rack-2", 600, false]);
    const json = await runWith({ provisioners }, ["provisioner", "token", "-o", "json"]);
    assert.equal(asked?.label, "joined");
    assert.equal((JSON.parse(json.out) as { token: string }).token, "loomjoin_x");
    assert.equal((await runWith({ provisioners }, ["provisioner", "token", "-o", "name"])).out, "provisioners/abc23\n");
    const tried = await runWith({ provisioners }, ["provisioner", "token", "--dry-run", "--detailed-exit-code"]);
    assert.deepEqual([tried.exit, tried.out, asked?.validateOnly], [4, "", true]);
  });

  it("token refuses times that make no sense, and says why Loom refuses it", async () => {
    for (const ttl of ["30s", "8d", "soon"])
      assert.equal((await runWith({}, ["provisioner", "token", "--ttl", ttl])).exit, 2, ttl);
    const provisioners = {
      createJoinToken: () => {
        throw refusal("NO_WORKER_ADDRESS", "This Loom listens nowhere. Start it with --workers-listen ADDRESS:PORT.");
      },
    };
    const { exit, err } = await runWith({ provisioners }, ["provisioner", "token"]);
    assert.equal(exit, 1);
    assert.match(err, /--workers-listen/);
  });

  it("list says who is there and who is away", async () => {
    const away = { ...rack, name: "provisioners/def45", connected: false, slots: 0, providerTypes: [], host: "" };
    const shown: boolean[] = [];
    const provisioners = {
      listProvisioners: ({ showRevoked }: { showRevoked: boolean }) => {
        shown.push(showRevoked);
        return { provisioners: [rack, away] };
      },
    };
    const { out } = await runWith({ provisioners }, ["provisioner", "list", "--utc"]);
    assert.match(out, /abc23 +rack-2 +JOINED +rack-2\.example +docker,local +32/);
    assert.match(out, /def45 +rack-2 +JOINED, away +- +- +0/);
    const all = await runWith({ provisioners }, ["provisioner", "ls", "--all", "-o", "name"]);
    assert.equal(all.out, "provisioners/abc23\nprovisioners/def45\n");
    assert.deepEqual(shown, [false, true]);
    assert.equal((await runWith({ provisioners }, ["__complete", "provisioner", "a"])).out, "abc23\n");
    const none = await runWith({ provisioners: { listProvisioners: () => ({}) } }, ["provisioner", "list"]);
    assert.match(none.err + none.out, /Invite one with: loom provisioner token/);
  });

  it("revoke takes an id or a whole name", async () => {
    const asked: RevokeProvisionerRequest[] = [];
    const provisioners = {
      revokeProvisioner: (request: RevokeProvisionerRequest) => {
        asked.push(request);
        return rack;
      },
    };
    const done = await runWith({ provisioners }, ["provisioner", "revoke", "abc23"]);
    assert.deepEqual([done.exit, done.out], [0, ""]);
    assert.match(done.err, /abc23 \(rack-2\) is let in no more/);
    await runWith({ provisioners }, ["provisioner", "revoke", "provisioners/abc23", "--dry-run"]);
    assert.deepEqual(
      asked.map(({ name, validateOnly }) => [name, validateOnly]),
      [
        ["provisioners/abc23", false],
        ["provisioners/abc23", true],
      ],
    );
  });

  it("a provisioner itself refuses what it cannot read before it does anything", async () => {
    for (const [env, argv, said] of [
      [{ LOOM_SLOTS: "many" }, [], /LOOM_SLOTS/],
      [{}, ["--fingerprint", "sha256:12"], /64 hexadecimal/],
      [{}, ["--slots", "0"], /1 to 1000/],
      [{}, ["--token-file", "/nowhere/token"], /cannot be read/],
    ] as const) {
      const { exit, err } = await start(["provisioner", "--dir", "/proc/nowhere", ...argv], { env }).ended;
      assert.equal(exit, 2, err);
      assert.match(err, said);
    }
  });
});
