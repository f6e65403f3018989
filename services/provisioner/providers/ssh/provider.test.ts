import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { describeProvider } from "../../../../test/conformance/provider.js";
import { makeKey, publicKey, startSshd, whyNoSshd } from "../../../../test/support/sshd.js";
import { skipBecause } from "../../../../tools/mocha-summary/skip.js";
import { killByToken } from "../local/processes.js";
import { createSshProvider } from "./provider.js";

describe("provider ssh, on an sshd of this machine", () => {
  before(function () {
    const why = whyNoSshd();
    if (why !== undefined) skipBecause(this, why);
  });
  const anywhere = new AbortController().signal;

  describeProvider(
    "ssh",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "loom-ssh-"));
      const addresses = Array.from({ length: 8 }, (_, index) => `127.88.0.${index + 1}`);
      const [key, hostKey] = [await makeKey(folder, "key"), await makeKey(folder, "host")];
      const sshd = await startSshd({
        folder: join(folder, "sshd"),
        addresses,
        hostKeys: [hostKey],
        authorized: [publicKey(key)],
      });
      const hosts = addresses.map((address) => ({ address, port: sshd.port, folder: join(folder, address) }));
      const provider = createSshProvider();
      return {
        provider,
        fields: {
          hosts,
          user: userInfo().username,
          privateKey: readFileSync(key, "utf8"),
          knownHosts: `[127.88.0.*]:${sshd.port} ${publicKey(hostKey)}`,
        },
        flavor: "small",
        image: "any",
        again: async () => createSshProvider(),
        async powerOff(request) {
          await killByToken(request.token, anywhere);
        },
        async vanish(request) {
          const machine = (await provider.observe(request))!.machine;
          await killByToken(request.token, anywhere);
          rmSync(join(folder, machine.split(":")[0]!), { recursive: true });
        },
        async dispose() {
          await sshd.kill();
          rmSync(folder, { recursive: true });
        },
      };
    },
    { commands: true, many: 8, timeoutMs: 120_000 },
  );
});
