/** The suites of `make test`, in their order. */
import { readdirSync } from "node:fs";
import { filesBelow } from "../files.js";

export interface Suite {
  readonly name: string;
  readonly folders: readonly string[];
  /** Folders below those that belong to another suite. */
  readonly except: readonly string[];
  /** Test files at the same time; 1 where the tests of two files would compete for time or for the machine. */
  readonly jobs: number;
  /** Whether a daemon is started for it; where none can be, a suite that needs it is skipped. */
  readonly docker: "no" | "wanted" | "needed";
  /** Minutes after which the suite is ended and counts as failed. */
  readonly minutes: number;
}

/** Folders of test/ that another suite names; every other one belongs to `integration`. */
const OWN = ["docker", "e2e", "chaos", "bench"];
/** Folders of test/ that hold no tests. */
const NONE = ["golden", "support", "fixtures"];

/** Folders whose unit tests start databases, servers and processes: one file at a time, or they take each other's time. */
const PARTS = [
  "services/server/store",
  "services/server/rpc",
  "services/provisioner",
  "services/standalone",
  "gateway",
];

export const SUITES: readonly Suite[] = [
  {
    name: "unit",
    folders: ["services", "cli", "db", "catalog", "tools", "test/bench"],
    except: PARTS,
    jobs: 2,
    docker: "no",
    minutes: 10,
  },
  { name: "parts", folders: PARTS, except: [], jobs: 1, docker: "no", minutes: 15 },
  { name: "integration", folders: integrationFolders(), except: [], jobs: 1, docker: "no", minutes: 15 },
  { name: "docker", folders: ["test/docker"], except: [], jobs: 1, docker: "needed", minutes: 15 },
  { name: "e2e", folders: ["test/e2e"], except: [], jobs: 1, docker: "wanted", minutes: 15 },
  { name: "chaos", folders: ["test/chaos"], except: [], jobs: 1, docker: "no", minutes: 60 },
];

function integrationFolders(): string[] {
  return readdirSync("test", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !OWN.includes(entry.name) && !NONE.includes(entry.name))
    .map((entry) => `test/${entry.name}`);
}

/** The suite's test files, in order. */
export function testFiles(suite: Suite): string[] {
  return suite.folders
    .flatMap(filesBelow)
    .filter((path) => path.endsWith(".test.ts") && !suite.except.some((folder) => path.startsWith(`${folder}/`)));
}
