/** What a benchmark ran on, and what it ran. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { ask, startBuiltLoom } from "./built-loom.js";

export interface Environment {
  /** ISO 8601, to the minute. */
  readonly date: string;
  /** With a `+` where files had been changed since. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly postgresql: string;
  /** Of the folder that the data folders were made in. */
  readonly fileSystem: string;
  /** Average over the minute before the first part: what others did on this machine. */
  readonly loadBefore: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** Settings without which a commit is faster and means less; every figure is with them on. */
const SETTINGS = ["fsync", "synchronous_commit", "full_page_writes"];

const output = (program: string, ...args: string[]): string => {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
};

/** @throws where the database of Loom does not run with the settings that its promises need */
export async function readEnvironment(): Promise<Environment> {
  const loadBefore = loadavg()[0]!;
  const loom = await startBuiltLoom();
  const names = [...SETTINGS, "server_version"].map((name) => `'${name}'`).join(", ");
  const query = `SELECT name, setting FROM pg_settings WHERE name IN (${names})`;
  const rows = await ask<{ name: string; setting: string }>(loom, query).finally(() => loom.stop());
  const found = new Map(rows.map(({ name, setting }) => [name, setting]));
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, found.get(name) ?? "missing"]));
  const off = SETTINGS.find((name) => settings[name] !== "on");
  if (off !== undefined)
    throw new Error(`the database runs with ${off} = ${settings[off]}; no figure is taken like that`);
  const commit = output("git", "rev-parse", "--short=10", "HEAD");
  const isChanged = output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs") !== "";
  return {
    date: `${new Date().toISOString().slice(0, 16)}Z`,
    commit: commit === "" ? "unknown" : `${commit}${isChanged ? "+" : ""}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: totalmem() / 1e9,
    kernel: release(),
    node: process.version,
    postgresql: found.get("server_version") ?? "unknown",
    fileSystem: output("df", "--output=fstype", tmpdir()).split("\n").at(-1)!,
    loadBefore,
    settings,
  };
}
