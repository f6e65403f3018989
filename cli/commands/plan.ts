/** `loom plan`: from a folder of documents, without a server; without a folder, what the server would do. */
import { LoomError } from "../../services/common/errors.js";
import type { JsonObject } from "../../services/server/catalog/types.js";
import type { OfflinePlan, OfflineRequest } from "../../services/server/plan/offline.js";
import { parseConfig } from "../config-flags.js";
import { CliError, EXIT } from "../exit.js";
import { problemLines } from "../render/kinds/documents.js";
import { formatOf, printValue } from "../render/format.js";
import { offlinePlanLines } from "../render/offline-plan.js";
import { count } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";
import { readDocuments } from "./catalog-files.js";

export interface PlanOptions extends OutputOptions {
  readonly catalog?: string;
  readonly template: string;
  readonly nodes: number;
  readonly provider?: string;
  readonly services?: readonly string[];
  readonly hardwareType?: string;
  readonly imageType?: string;
  readonly dnsSuffix?: string;
  readonly config?: readonly string[];
  readonly withDependencies?: boolean;
  readonly name?: string;
  readonly detailedExitCode?: boolean;
}

export async function run(session: Session, options: PlanOptions): Promise<number> {
  const { catalog, name } = options;
  if (catalog === undefined)
    return (await import("./create.js")).run(session, { ...options, dryRun: true }, name ?? "plan");
  const format = formatOf(options);
  const config = await parseConfig(options.config ?? []);
  const files = await readDocuments(catalog);
  const { planFromFiles } = await import("../offline-plan.js");
  const outcome = planFromFiles(files, requestOf(options, config), () => performance.now());
  for (const line of problemLines([...outcome.elsewhere, ...outcome.problems], session.errPalette)) session.say(line);
  if (outcome.elsewhere.length > 0)
    session.say(`${count(outcome.elsewhere.length, "error")} in documents that this plan does not need.`);
  if (outcome.failure !== undefined) throw outcome.failure;
  const { plan } = outcome;
  if (plan === undefined) {
    const errors = outcome.problems.filter((problem) => problem.severity === "error").length;
    throw new CliError(
      EXIT.badInput,
      `Nothing can be planned: ${count(errors, "error")} in the documents that template ${options.template} needs.`,
      { reason: "INVALID_CATALOG" },
    );
  }
  if ("unsatisfiable" in plan) {
    await printValue(session, format === "yaml" || format === "jsonl" ? format : "json", {
      unsatisfiable: plan.unsatisfiable,
    });
    throw new LoomError("NO_LAYOUT", plan.sentence);
  }
  await printPlan(session, options, plan);
  return options.detailedExitCode === true && plan.tasks > 0 ? EXIT.changes : EXIT.done;
}

function requestOf(options: PlanOptions, config: JsonObject): Omit<OfflineRequest, "catalog"> {
  const { template, nodes, services, provider, hardwareType, imageType, dnsSuffix, withDependencies, name } = options;
  const given = { services, provider, hardwareType, imageType, dnsSuffix, withDependencies, name };
  // What is not given must not be there at all.
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { template, nodes, config, ...present };
}

async function printPlan(session: Session, options: PlanOptions, plan: OfflinePlan): Promise<void> {
  const format = formatOf(options);
  if (format === "json" || format === "jsonl" || format === "yaml") {
    const round = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000;
    await printValue(session, format, { ...plan, solveMs: round(plan.solveMs), planMs: round(plan.planMs) });
  } else if (format === "name") for (const node of plan.nodes) session.print(node.hostname);
  else for (const line of offlinePlanLines(plan, format === "wide", session.outPalette)) session.print(line);
}
