/** Commands on leases and quotas. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { clusterArgument } from "./clusters.js";
import { addMutation, addOutput, integer, type Runner } from "./options.js";

const MOST = 2_147_483_647;

/** A number, or Infinity for `unlimited`. */
function limit(text: string): number {
  if (text === "unlimited") return Infinity;
  try {
    return integer(0, MOST)(text);
  } catch {
    throw new InvalidArgumentError("It must be a whole number, or unlimited.");
  }
}

export function addLeaseCommands(program: Command, run: Runner): void {
  const extend = clusterArgument(program.command("extend"), "<cluster>")
    .summary("move the end of a cluster's lease")
    .description(
      "Moves the end of a cluster's lease: later by a duration, or to a time, which may be earlier too. When its lease ends, a cluster is deleted.",
    )
    .argument("[duration]", "how much later than now set, such as 8h or 30d")
    .option("--until <time>", 'to this time, such as "2026-03-01 18:00" (UTC) or 2026-03-01T18:00:00+01:00')
    .option("--forever", "without end, where the template allows it");
  run(addOutput(addMutation(extend)), async () => (await import("../commands/extend.js")).run);

  const quota = program
    .command("quota")
    .summary("how much may be used, and how much is")
    .description("How many clusters and nodes your tenant may have, and how many it has.");
  const show = quota
    .command("show", { isDefault: true })
    .summary("show it")
    .description("Shows how many clusters and nodes your tenant may have, and how many it has.");
  run(addOutput(show), async () => (await import("../commands/quota.js")).show);
  const set = quota
    .command("set")
    .summary("change it (administrators)")
    .description(
      "Changes how many clusters and nodes your tenant may have. What is not given stays as it is. More than is in use is never taken away: a quota below it only stops what would add to it.",
    )
    .addOption(new Option("--clusters <n>", "so many clusters at most, or unlimited").argParser(limit))
    .addOption(
      new Option("--nodes <n>", "so many nodes at most, of all clusters together, or unlimited").argParser(limit),
    );
  run(addOutput(addMutation(set)), async () => (await import("../commands/quota.js")).set);
}
