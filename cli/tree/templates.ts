/** Commands for authors of templates. */
import { Option, type Command } from "commander";
import { addFormat, collect, completedBy, integer, list, type Runner } from "./options.js";

const MOST_NODES = 10_000;

export function addTemplateCommands(program: Command, run: Runner): void {
  const template = program
    .command("template")
    .summary("write templates: begin one, check it, try it")
    .description("For authors of templates and services: begin a folder, check it, and make a cluster from it.");

  const begin = template
    .command("new")
    .argument("<name>", "what to call the template")
    .summary("begin a template")
    .description(
      "Writes a folder with a template, services with actions for Debian and for this machine, a check and a README. It works as it is: try it, then change it. Nothing that is there is overwritten.",
    )
    .option("--dir <folder>", "folder to write to; one of the template's name where not given")
    .addOption(new Option("-s, --services <names>", "services to begin, a,b; one where not given").argParser(list));
  run(begin, async () => (await import("../commands/template-new.js")).run);

  const lint = template
    .command("lint")
    .argument("[folder]", "folder with YAML or JSON documents, or one file; this folder where not given")
    .summary("check documents as their author, without a server")
    .description(
      "Tells every problem of the documents in a folder, with its file, line and column and what to do: what catalog validate tells, what the shell cannot read, and what surprises people later. The documents that come with Loom may be named. Needs no server.",
    )
    .option("--catalog <folder>", "documents that may be named, instead of those that come with Loom")
    .option("--strict", "warnings count as errors");
  run(addFormat(lint), async () => (await import("../commands/template-lint.js")).run);

  const attempt = template
    .command("try")
    .argument("<folder>", "folder with YAML or JSON documents, or one file")
    .summary("make a cluster from a folder, and delete it again")
    .description(
      "Makes a real cluster from the documents of a folder, laid over the server's catalog for this cluster only: the catalog stays as it is. Shows the progress, then where the cluster answers and what its check said, or the log of what failed. The cluster is deleted when Enter or Ctrl-C is pressed; without a terminal, at once. Its lease ends it where all else fails. Takes the role admin, since the folder's scripts run on nodes.",
    )
    .option("-t, --template <name>", "template of the folder; needed where there are several")
    .addOption(
      new Option("-n, --nodes <n>", "how many nodes; the fewest where not given").argParser(integer(1, MOST_NODES)),
    )
    .addOption(
      completedBy(new Option("-p, --provider <name>", "provider document; the template's where not given"), "provider"),
    )
    .addOption(new Option("-s, --services <names>", "services, a,b; the template's where not given").argParser(list))
    .addOption(new Option("-c, --config <key=value|@file>", "configuration; may be given again").argParser(collect))
    .option("--name <name>", "what to call the cluster; try-TEMPLATE where not given")
    .option("--lease <duration>", "how long it lives at most; 4h where neither this nor the template says")
    .option("--keep", "keep the cluster, whatever becomes of it")
    .option("--delete", "delete it at once when it is done, ask nothing")
    .option("-w, --watch", "begin anew whenever a file changes");
  run(attempt, async () => (await import("../commands/template-try.js")).run);
}
