/**
 * What a test run leaves behind on this machine. Every suite runs with a temporary folder of its own, so a process that
 * outlives its test is found by that folder in its environment, its arguments or its working folder.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Process {
  readonly pid: number;
  readonly command: string;
}

/** Processes other than this one that mention the folder. Processes of other users are only seen by root. */
export function processesMentioning(folder: string): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const command = read(name, "cmdline").replaceAll("\0", " ").trim();
      const mentions = [command, read(name, "environ"), workingFolder(name)].some((text) => text.includes(folder));
      return mentions ? [{ pid: Number(name), command: command || "(ended)" }] : [];
    });
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

/** Names in the temporary folder that tests left there; what tools keep for their next run is not counted. */
export function foldersLeft(folder: string): string[] {
  return readdirSync(folder).filter((name) => !/^(tsx-|node-compile-cache)/.test(name));
}
