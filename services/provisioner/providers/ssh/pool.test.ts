import assert from "node:assert/strict";
import { LoomError } from "../../../common/errors.js";
import { unreachable } from "./failures.js";
import { readState } from "./host-script.js";
import type { Answer } from "./hosts.js";
import { candidates, noneFree, rightFirst } from "./pool.js";
import { readSettings, type Host } from "./settings.js";

const FIELDS = { privateKey: "k" };
const host = (name: string, flavor?: string): Host => ({
  name,
  address: name,
  port: 22,
  user: "root",
  folder: "",
  flavor,
});

describe("the pool of an ssh provider", () => {
  it("gives hosts of the flavor first, then those of none, from different places", () => {
    const hosts = [host("any1"), host("big", "large"), host("s1", "small"), host("s2", "small"), host("any2")];
    const names = (flavor: string, node: number) => candidates(hosts, flavor, node).map(({ name }) => name);
    assert.deepEqual(names("small", 1000), ["s1", "s2", "any1", "any2"]);
    assert.deepEqual(names("small", 1001), ["s2", "s1", "any2", "any1"]);
    assert.deepEqual(names("huge", 1000), ["any1", "any2"]);
    assert.deepEqual(candidates([host("big", "large")], "small", 1000), []);
  });

  it("says why no host could be taken", () => {
    const reserved = readState(`base /b\nrunning yes\nreserved ${"a".repeat(52)} u 1000 h\n`)!;
    const taken: Answer = { host: host("h1"), state: reserved, failure: undefined };
    const dead: Answer = { host: host("h2"), state: undefined, failure: unreachable(host("h2"), "ECONNREFUSED") };
    const odd = new LoomError("PROVIDER_ERROR", "odd");
    assert.equal(noneFree("small", [dead]).reason, "PROVIDER_UNREACHABLE");
    assert.equal(noneFree("small", [dead, { ...dead, failure: odd }]), odd);
    assert.match(noneFree("small", [taken, dead]).message, /h1 has a node already\. h2 does not answer\..*Add hosts/);
    assert.match(noneFree("small", []).message, /No host of the pool takes nodes of flavor "small"/);
  });

  it("reads what a host says", () => {
    assert.equal(readState("motd\n"), undefined);
    assert.deepEqual(readState("base /b\n"), { base: "/b", reserved: undefined });
    const token = "a".repeat(52);
    assert.deepEqual(readState(`welcome\nbase /b\nrunning no\nreserved ${token} u 1001 h.local\n`)!.reserved, {
      token,
      clusterUid: "u",
      nodeNumber: 1001,
      hostname: "h.local",
      running: false,
      confirmed: false,
    });
  });

  it("knows which of the hosts that carry a machine is the right one", () => {
    const answer = (name: string, ...lines: string[]): Answer => {
      const text = ["base /b", ...lines, `reserved ${"a".repeat(52)} u 1000 h`].join("\n");
      return { host: host(name), state: readState(text), failure: undefined };
    };
    const off = answer("off");
    const on = answer("on", "running yes");
    const known = answer("known", "confirmed yes");
    const best = answer("best", "confirmed yes", "running yes");
    const dead: Answer = { host: host("dead"), state: undefined, failure: unreachable(host("dead"), "ECONNREFUSED") };
    const names = rightFirst([dead, off, on, known, best]).map((one) => one.host.name);
    assert.deepEqual(names, ["best", "known", "on", "dead", "off"]);
  });

  it("is read from fields: short and long hosts, defaults, wrong ones refused", () => {
    const settings = readSettings({
      ...FIELDS,
      user: "loom",
      hosts: ["10.0.0.1", { address: "fd00::1", port: 2222, user: "root", flavor: "large" }],
    });
    assert.deepEqual(
      settings.hosts.map(({ name, user, port }) => [name, user, port]),
      [
        ["10.0.0.1", "loom", 22],
        ["[fd00::1]:2222", "root", 2222],
      ],
    );
    const wrong = [
      [{ ...FIELDS, hosts: [] }, /hosts/],
      [{ hosts: ["a"] }, /privateKey/],
      [{ ...FIELDS, privateKeyFile: "/k", hosts: ["a"] }, /privateKey/],
      [{ ...FIELDS, hosts: ["a", "a"] }, /twice/],
      [{ ...FIELDS, hosts: ["a b"] }, /hosts/],
      [{ ...FIELDS, hosts: ["a".repeat(256)] }, /hosts/],
      [{ ...FIELDS, hosts: [{ address: "a".repeat(256) }] }, /hosts/],
      [{ ...FIELDS, hosts: ["-oProxyCommand=x y"] }, /hosts/],
      [{ ...FIELDS, hosts: [{ address: "a", hostKey: "x" }] }, /hosts/],
      [{ ...FIELDS, hosts: ["a"], jump: { address: "j", flavor: "x" } }, /jump/],
    ] as const;
    for (const [fields, message] of wrong)
      assert.throws(() => readSettings(fields), { reason: "INVALID_FIELD", message });
  });
});
