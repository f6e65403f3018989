/** Where Docker is not ready for clusters, and that what can be done about it is done. A daemon that is: test/docker. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/support/wait.js";
import { prepareDocker } from "./docker.js";

describe("prepareDocker", () => {
  let folder: string;
  let daemon: Server | undefined;
  let said: string[];
  // A path of its own for each daemon: connections to one that is gone are kept by path.
  let sockets = 0;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "loom-docker-"));
    said = [];
  });
  function stop(): void {
    daemon?.close();
    daemon?.closeAllConnections();
    daemon = undefined;
  }
  afterEach(() => {
    stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A daemon that knows what it is and that has no image. */
  async function daemonThatIs(info: object, networks: readonly object[] = []): Promise<string> {
    const path = join(folder, `${(sockets += 1)}.sock`);
    stop();
    daemon = createServer((request, response) => {
      const answers: Readonly<Record<string, unknown>> = { "/info": info, "/networks": networks };
      const answer = answers[request.url!.split("?")[0]!];
      response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? { message: "No such image" }));
    }).listen(path);
    await once(daemon, "listening");
    return `unix://${path}`;
  }

  function script(text: string): string {
    const path = join(folder, "make-image.sh");
    writeFileSync(path, text);
    return path;
  }

  const prepare = (host: string, text = "exit 1", signal = new AbortController().signal): Promise<string | undefined> =>
    prepareDocker({ host, signal, script: script(text), progress: (step) => void said.push(step) });

  it("says that no daemon answers", async () => {
    const host = `unix://${folder}/none.sock`;
    assert.equal(await prepare(host), `No Docker daemon answers at ${host}.`);
    assert.deepEqual(said, []);
  });

  it("says that the machines could not be reached", async () => {
    for (const info of [
      { OSType: "linux", OperatingSystem: "Docker Desktop" },
      { OSType: "linux", SecurityOptions: ["name=seccomp,profile=default", "name=rootless"] },
    ]) {
      const host = await daemonThatIs(info);
      assert.match((await prepare(host))!, /cannot be reached from here/);
    }
    assert.match((await prepare(await daemonThatIs({ OSType: "windows" })))!, /Loom's machines are Linux/);
  });

  it("says which network leaves no addresses for clusters", async () => {
    const office = { Name: "office", Id: "1", IPAM: { Config: [{ Subnet: "10.213.0.0/16" }] } };
    const why = await prepare(await daemonThatIs({ OSType: "linux" }, [office]));
    assert.match(
      why!,
      /No block of \/24 is free in 10\.213\.0\.0\/16 .*network office has 10\.213\.0\.0\/16.*Give the provider/,
    );
  });

  it("hands on what the making of the image says, and why it failed", async () => {
    const host = await daemonThatIs({ OSType: "linux" });
    const why = await prepare(host, 'echo "debian-image: at work" >&2; echo "building needs root." >&2; exit 1');
    assert.match(why!, /^The image loom-debian:12 is missing and could not be made: building needs root\. /);
    assert.deepEqual(said, ["making the Docker image loom-debian:12, once", "at work"]);
  });

  it("does not trust a script that only says that it went well", async () => {
    assert.match((await prepare(await daemonThatIs({ OSType: "linux" }), "exit 0"))!, /it is still not there/);
  });

  it("ends the making of the image with everything it has started", async () => {
    const pid = join(folder, "pid");
    const ending = new AbortController();
    const host = await daemonThatIs({ OSType: "linux" });
    const prepared = prepare(
      host,
      `sleep 1000 & echo $! >'${pid}.part'; mv '${pid}.part' '${pid}'; wait`,
      ending.signal,
    );
    await until("it is at work", () => existsSync(pid));
    ending.abort();
    assert.match((await prepared)!, /it was interrupted/);
    const child = Number(readFileSync(pid, "utf8"));
    await until("its child has ended", () => {
      try {
        return readFileSync(`/proc/${child}/stat`, "latin1").includes(") Z ");
      } catch {
        return true;
      }
    });
  });
});
