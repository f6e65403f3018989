/** The scripts in the shipped catalog: ShellCheck reads them, and every service and template is there for load tests. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readFolder } from "../../services/common/read-folder.js";
import { checkAction, effectiveAction } from "../../services/server/catalog/actions.js";
import { loadCatalog } from "../../services/server/catalog/load.js";
import type { Action, Catalog } from "../../services/server/catalog/types.js";
import { skipBecause } from "../../tools/mocha-summary/skip.js";

/** Not for these texts: files and functions of the node, lists of words, text that is expanded elsewhere. */
const NOT = ["SC1090", "SC1091", "SC2016", "SC2034", "SC2046", "SC2086", "SC2153", "SC2154", "SC2155"];

describe("scripts of the shipped catalog", () => {
  let catalog: Catalog;
  before(async () => {
    catalog = loadCatalog(await readFolder(fileURLToPath(new URL("../../catalog", import.meta.url)))).catalog;
  });

  /** Every action with what it is called. */
  function* actions(): Generator<readonly [string, Action]> {
    for (const [name, service] of catalog.Service)
      for (const [action, defined] of Object.entries(service.actions ?? {})) yield [`${name} ${action}`, defined];
    for (const [name, template] of catalog.ClusterTemplate) {
      assert.ok(template.check !== undefined, `${name} has no check`);
      yield [`check of ${name}`, checkAction(template.check)];
    }
  }

  it("have nothing that ShellCheck finds", function () {
    this.timeout(120_000);
    if (spawnSync("shellcheck", ["--version"]).error !== undefined) return skipBecause(this, "there is no shellcheck");
    for (const [name, action] of actions()) {
      for (const imageType of ["debian", "this-machine"]) {
        const script = effectiveAction(action, imageType)?.fields["script"];
        if (typeof script !== "string") continue;
        const args = ["--shell=sh", `--exclude=${NOT.join()}`, "--format=gcc", "-"];
        const { stdout } = spawnSync("shellcheck", args, { input: script, encoding: "utf8" });
        assert.equal(stdout, "", `${name} on ${imageType}`);
      }
    }
  });

  it("say what they do on simulated machines", () => {
    for (const [name, action] of actions())
      assert.equal(effectiveAction(action, "simulated")?.fields["script"], "true", name);
  });
});
