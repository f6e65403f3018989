import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { fingerprint, keysOf, ownKey } from "./known-hosts.js";

/** A key of the type, as it comes over the wire. */
function key(type: string, text: string): Buffer {
  const part = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  return Buffer.concat([part(Buffer.from(type)), part(Buffer.from(text))]);
}
const line = (host: string, bytes: Buffer, type = "ssh-ed25519"): string =>
  `${host} ${type} ${bytes.toString("base64")}`;

const A = key("ssh-ed25519", "a");
const B = key("ssh-ed25519", "b");
const RSA = key("ssh-rsa", "r");

describe("known hosts", () => {
  const judge = (text: string, address = "web1", port = 22, own?: string) => keysOf(address, port, text, own).judge(A);

  it("know a host by its name, its port, patterns and hashes", () => {
    const salt = Buffer.from("12345678901234567890");
    const hash = createHmac("sha1", salt).update("web1").digest("base64");
    for (const host of ["web1", "db,web1", "web*", "WEB?", `|1|${salt.toString("base64")}|${hash}`])
      assert.equal(judge(line(host, A)), "known", host);
    assert.equal(judge(line("[web1]:2222", A), "web1", 2222), "known");
    for (const host of ["web2", "[web1]:2222", "web*,!web1", "web", "wxb1.", `|1|${salt.toString("base64")}|AAAA`])
      assert.equal(judge(line(host, A)), "unknown", host);
    assert.equal(judge(line("web1", A), "web1", 2222), "unknown");
  });

  it("match every pattern as an expression would, and soon", () => {
    const letters = (...some: string[]) => fc.array(fc.constantFrom(...some)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(letters("a", "B", ".", "*", "?"), letters("a", "b", "."), (pattern, name) => {
        fc.pre(pattern !== "" && name !== "");
        const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        const isMeant = new RegExp(`^${source}$`, "i").test(name);
        assert.equal(judge(line(pattern, A), name), isMeant ? "known" : "unknown");
      }),
      { numRuns: 1000 },
    );
    const name = "a".repeat(255);
    for (const pattern of ["*a".repeat(100), "*?".repeat(200), "*".repeat(10_000)])
      assert.equal(judge(line(`${pattern}b`, A), name), "unknown");
  });

  it("tell a host of which nothing is known from one with another key", () => {
    assert.equal(judge(""), "unknown");
    assert.equal(judge(`# ${line("web1", A)}\n\nnonsense\nweb1 ssh-ed25519`), "unknown");
    assert.equal(judge(line("web1", B)), "changed");
    assert.equal(judge(`${line("web1", B)}\n${line("web1", A)}`), "known");
    assert.equal(judge(line("web1", RSA, "ssh-rsa")), "changed");
    assert.equal(judge(`${line("web1", A)}\n@revoked ${line("*", A)}`), "changed");
    assert.equal(judge(`@cert-authority ${line("web1", A)}`), "unknown");
    assert.deepEqual(keysOf("web1", 22, `${line("web1", RSA, "ssh-rsa")}\n${line("web1", A)}`, undefined).types, [
      "ssh-rsa",
      "ssh-ed25519",
    ]);
  });

  it("take a key that stands with the host alone, in every form that people have it in", () => {
    const text = A.toString("base64");
    for (const own of [`ssh-ed25519 ${text}`, `ssh-ed25519 ${text} me@here`, line("web1", A), fingerprint(A)])
      assert.equal(judge(line("web1", B), "web1", 22, own), "known", own);
    assert.equal(judge(line("web1", A), "web1", 22, fingerprint(B)), "changed");
    for (const own of ["", "SHA256:short", "ssh-ed25519", `ssh-rsa ${text}`, "a b c d"])
      assert.equal(ownKey(own), undefined, own);
  });
});
