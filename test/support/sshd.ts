/** A real sshd on addresses of this machine, for whoever runs the tests, with keys of its own. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./wait.js";

const SSHD = "/usr/sbin/sshd";
const SFTP = ["-q", "-N", "", "-C", "test"];

/** Undefined where tests can have an sshd, otherwise why not. */
export function whyNoSshd(): string | undefined {
  return existsSync(SSHD) ? undefined : `there is no ${SSHD}: apt-get install openssh-server`;
}

/** Makes a pair of keys; answers the path of the private one, beside which the other one stands as `.pub`. */
export async function makeKey(folder: string, name: string, type = "ed25519"): Promise<string> {
  const path = join(folder, name);
  await promisify(execFile)("ssh-keygen", ["-t", type, ...SFTP, "-f", path]);
  return path;
}

export const publicKey = (path: string): string => readFileSync(`${path}.pub`, "utf8").trim();

export interface Sshd {
  readonly port: number;
  /** Connections that it has accepted. */
  accepted(): number;
  /** Ends it and every connection as a power cut would. */
  kill(): Promise<void>;
  /** Again, on the same port. */
  start(): Promise<void>;
}

export interface SshdOptions {
  /** For its files; made where it is not there. */
  readonly folder: string;
  readonly addresses: readonly string[];
  readonly hostKeys: readonly string[];
  /** Public keys that are let in. */
  readonly authorized: readonly string[];
  readonly settings?: readonly string[];
}

export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const { folder, addresses, hostKeys, authorized, settings = [] } = options;
  mkdirSync(folder, { recursive: true });
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const port = await freePort(addresses[0]!);
  const file = (name: string): string => join(folder, name);
  writeFileSync(file("authorized"), `${authorized.join("\n")}\n`);
  writeFileSync(
    file("config"),
    [
      `Port ${port}`,
      ...addresses.map((address) => `ListenAddress ${address}`),
      ...hostKeys.map((key) => `HostKey ${key}`),
      `AuthorizedKeysFile ${file("authorized")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
      "MaxStartups 1000",
      "LogLevel VERBOSE",
      ...settings,
      "",
    ].join("\n"),
  );
  let child: ChildProcess | undefined;
  let log = "";
  async function start(): Promise<void> {
    child = spawn(SSHD, ["-D", "-e", "-f", file("config")], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr!.on("data", (bytes: Buffer) => (log += bytes.toString()));
    child.once("error", (error) => (log += String(error)));
    for (const address of addresses)
      await until(`sshd answers on ${address}:${port}`, async () => {
        if (child!.exitCode !== null) throw new Error(`sshd ended: ${log}`);
        return await answers(address, port);
      });
  }
  await start();
  return {
    port,
    accepted: () => log.match(/^Accepted publickey/gm)?.length ?? 0,
    start,
    async kill() {
      const ended = child!;
      if (ended.pid === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
      // What it has started for its connections, but not the commands that run in them.
      const ours = [ended.pid, ...below(ended.pid).filter((pid) => nameOf(pid).startsWith("sshd"))];
      const over = new Promise((resolve) => ended.once("exit", resolve));
      for (const pid of ours) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended with the others.
        }
      }
      await over;
    },
  };
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}

/** Every process that descends from this one. */
function below(parent: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const ppid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(ppid, [...(children.get(ppid) ?? []), Number(name)]);
    } catch {
      // It ended.
    }
  }
  const all = (pid: number): number[] => (children.get(pid) ?? []).flatMap((child) => [child, ...all(child)]);
  return all(parent);
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
