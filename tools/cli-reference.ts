/** Writes docs/reference/cli.md from the tree of commands: `node --import tsx tools/cli-reference.ts`. */
import { writeFileSync } from "node:fs";
import { cliReference } from "../cli/reference.js";

writeFileSync(new URL("../docs/reference/cli.md", import.meta.url), cliReference());
