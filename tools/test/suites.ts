/** The suites of `make test`, in their order. */
import { readdirSync } from "node:fs";
import { filesBelow } from "../files.js";

export interface Suite {
  readonly name: string;
  readonly folders: readonly string[];
  /** Test files at the same time; 1 where the tests of two files would compete for time or for the machine. */
  readonly jobs: number;
  /** True where nothing of it works without a Docker daemon. */
  readonly needsDocker: boolean;
  /** Minutes after which the suite is ended and counts as failed. */
  readonly minutes: number;
}

/** Folders of test/ with a suite of their own; every other one belongs to `integration`. */
const OWN = ["docker", "e2e", "chaos"];
/** Folders of test/ that hold no tests. */
const NONE = ["bench", "golden", "support", "fixtures"];

export const SUITES: readonly Suite[] = [
  {
    name: "unit",
    folders: ["services", "gateway", "cli", "db", "catalog", "tools"],
    jobs: 2,
    needsDocker: false,
    minutes: 10,
  },
  { name: "integration", folders: integrationFolders(), jobs: 1, needsDocker: false, minutes: 15 },
  { name: "docker", folders: ["test/docker"], jobs: 1, needsDocker: true, minutes: 15 },
  { name: "e2e", folders: ["test/e2e"], jobs: 1, needsDocker: false, minutes: 15 },
  { name: "chaos", folders: ["test/chaos"], jobs: 1, needsDocker: false, minutes: 60 },
];

function integrationFolders(): string[] {
  return readdirSync("test", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !OWN.includes(entry.name) && !NONE.includes(entry.name))
    .map((entry) => `test/${entry.name}`);
}

/** The suite's test files, in order. */
export function testFiles(suite: Suite): string[] {
  return suite.folders.flatMap(filesBelow).filter((path) => path.endsWith(".test.ts"));
}
