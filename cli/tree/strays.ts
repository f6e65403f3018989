/** Commands on machines that nobody owns. */
import type { Command } from "commander";
import { addOutput, type Runner } from "./options.js";

export function addStrayCommands(program: Command, run: Runner): void {
  const strays = program
    .command("strays")
    .summary("list machines that nobody owns")
    .description(
      "Lists machines that Loom made and no cluster owns any more, such as one whose creation ended after its cluster was deleted. Each is removed when its grace is over.",
    );
  run(addOutput(strays), async () => (await import("../commands/strays.js")).run);
}
