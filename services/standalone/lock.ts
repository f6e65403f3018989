/**
 * Loom's lock on a data folder. Whoever holds it listens on a unix socket in the folder, which the kernel closes when
 * the process ends, however it ends; so a holder is alive exactly while its socket answers.
 *
 * The folder `lock` holds numbered files. The one with the highest number says who holds the lock, and it is never
 * removed: a holder leaves it behind. To take the lock from a holder that is gone is to make the next number, which
 * link(2) allows to one process only. A process that was slow may make a number that others have passed already; so
 * it looks again afterwards, and has the lock only where its own number is still the highest.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, closeSync, linkSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { LoomError } from "../common/errors.js";
import { folderError } from "./data-folder.js";

export interface FolderLock {
  /** Gives the folder to the next one. */
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly socket: string;
}

/**
 * Takes the lock of a data folder, which is there already.
 *
 * @throws FOLDER_IN_USE with the holder's process id; FOLDER_UNUSABLE, DISK_FULL
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const place = join(folder, "lock");
  let handle: number | undefined;
  let server: Server | undefined;
  const name = `${randomUUID()}.sock`;
  const give = async (): Promise<void> => {
    if (server !== undefined) await close(server);
    if (handle === undefined) return;
    rmSync(join(place, name), { force: true });
    closeSync(handle);
  };
  try {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    // A socket's path is limited to 107 bytes; through the open folder it is always short.
    handle = openSync(place, "r");
    const short = `/proc/self/fd/${handle}`;
    server = await listen(`${short}/${name}`);
    await take(folder, place, short, name);
    return { release: give };
  } catch (thrown) {
    await give();
    throw folderError(folder, thrown);
  }
}

async function take(folder: string, place: string, short: string, socket: string): Promise<void> {
  const draft = join(place, `${socket}.new`);
  writeFileSync(draft, JSON.stringify({ pid: process.pid, socket } satisfies Holder), { mode: 0o600 });
  try {
    for (;;) {
      const highest = numbers(place).at(-1) ?? 0;
      const holder = read(place, highest);
      if (holder !== undefined && (await answers(`${short}/${holder.socket}`))) {
        throw new LoomError(
          "FOLDER_IN_USE",
          `Another Loom (process ${holder.pid}) uses the data folder ${folder}. Stop it, or name another folder in LOOM_DATA.`,
          { metadata: { folder, pid: String(holder.pid) } },
        );
      }
      const mine = highest + 1;
      try {
        linkSync(draft, join(place, `${mine}.json`));
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "EEXIST") continue;
        throw thrown;
      }
      const now = numbers(place);
      if (now.at(-1) !== mine) {
        rmSync(join(place, `${mine}.json`), { force: true });
        continue;
      }
      for (const passed of now.slice(0, -1)) await remove(place, short, passed);
      return;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function numbers(place: string): number[] {
  return readdirSync(place)
    .map((name) => /^(\d+)\.json$/.exec(name)?.[1])
    .filter((text) => text !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Undefined where there is none, where somebody has just removed it, having made a higher one, and where a loss of
 * power has left it empty: a living holder's is whole.
 */
function read(place: string, number: number): Holder | undefined {
  try {
    return JSON.parse(readFileSync(join(place, `${number}.json`), "utf8")) as Holder;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** A socket that answers is left alone: a slow process made its number too late, and may yet make a better one. */
async function remove(place: string, short: string, number: number): Promise<void> {
  const holder = read(place, number);
  if (holder !== undefined && !(await answers(`${short}/${holder.socket}`)))
    rmSync(join(place, holder.socket), { force: true });
  rmSync(join(place, `${number}.json`), { force: true });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(path, () => resolve(server.unref()));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** True where a process listens: also one that is stopped or so busy that its queue is full. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      done(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
    );
  });
}
