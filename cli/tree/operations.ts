/** Commands that change a running cluster. */
import { Argument, Option, type Command } from "commander";
import { clusterArgument } from "./clusters.js";
import { addMutation, addOutput, addWait, collect, completedBy, integer, list, type Runner } from "./options.js";

const LARGEST = 2_147_483_647;
const MOST_NODES = 10_000;

/** Flags of every operation. */
function addOperation(command: Command): Command {
  return addOutput(
    addMutation(addWait(command, "complete")).option(
      "--etag <etag>",
      "only where the cluster is still the one that had this etag",
    ),
  );
}

function addYes(command: Command): Command {
  return command.option("-y, --yes", "do not ask");
}

const present = (flags: string, description: string): Argument =>
  completedBy(new Argument(flags, description), "present");
const nodeNumber = integer(1, LARGEST);

export function addOperationCommands(program: Command, run: Runner): void {
  const configure = clusterArgument(program.command("configure"), "<cluster>")
    .summary("change the configuration of a running cluster")
    .description(
      "Changes the configuration and carries it to the services that see it. What changes is shown before, secrets masked, and on a terminal asked about. Services are stopped before and started after only with --restart.",
    )
    .addOption(new Option("--set <path=value>", "for example web.port=8080; may be given again").argParser(collect))
    .addOption(new Option("--unset <path>", "take a value away; may be given again").argParser(collect))
    .addOption(new Option("-f, --file <file>", "YAML or JSON merged over the present configuration").argParser(collect))
    .option("--restart", "stop the services before, start them after")
    .addOption(
      completedBy(
        new Option("-s, --services <names>", "only these; those that see what changes where not given").argParser(list),
        "service",
      ),
    );
  run(addOperation(addYes(configure)), async () => (await import("../commands/configure.js")).run);

  for (const [verb, summary, description] of [
    ["start", "start services", "Starts services, and before them what they depend on."],
    ["stop", "stop services", "Stops services, and before them what depends on them. Machines stay."],
    [
      "restart",
      "stop services and start them again",
      "Stops services with what depends on them, and starts all of them again.",
    ],
  ] as const) {
    const command = clusterArgument(program.command(verb), "<cluster>")
      .summary(summary)
      .description(description)
      .addArgument(present("[service...]", "all services where none is named"));
    run(addOperation(command), async () => (await import("../commands/services.js"))[verb]);
  }

  const addServices = clusterArgument(program.command("add-services"), "<cluster>")
    .summary("put more services on the nodes of a cluster")
    .description("Puts more services on the nodes that are there, where the template's constraints have room for them.")
    .addArgument(completedBy(new Argument("<service...>", "services of the catalog"), "service"))
    .option("--with-dependencies", "add services that others require");
  run(addOperation(addServices), async () => (await import("../commands/services.js")).add);

  const removeServices = clusterArgument(program.command("remove-services"), "<cluster>")
    .summary("take services off a cluster")
    .description(
      "Stops services and takes them off their nodes, with what they kept there. On a terminal the name must be typed; scripts give --yes.",
    )
    .addArgument(present("<service...>", "services of the cluster"));
  run(addOperation(addYes(removeServices)), async () => (await import("../commands/services.js")).remove);

  const removeNodes = clusterArgument(program.command("remove-nodes"), "<cluster>")
    .summary("remove nodes from a cluster")
    .description(
      "Removes nodes with their machines: those that are named, or the newest of a service. Services that name one of them are configured again. On a terminal the name must be typed; scripts give --yes.",
    )
    .addArgument(
      completedBy(new Argument("[node...]", "numbers of nodes"), "node").argParser<number[]>((text, before) => [
        ...(Array.isArray(before) ? before : []),
        nodeNumber(text),
      ]),
    )
    .addOption(completedBy(new Option("--service <name>", "the newest nodes of the layout that carries it"), "service"))
    .addOption(new Option("--count <n>", "with --service: how many").argParser(integer(1, MOST_NODES)));
  run(addOperation(addYes(removeNodes)), async () => (await import("../commands/machines.js")).remove);

  const replaceNode = clusterArgument(program.command("replace-node"), "<cluster>")
    .summary("make the machine of a node again")
    .description(
      "Makes a new machine for a node, with the same services, and removes the old one with what it kept. On a terminal the name must be typed; scripts give --yes.",
    )
    .addArgument(completedBy(new Argument("<node>", "number of the node"), "node").argParser(nodeNumber));
  run(addOperation(addYes(replaceNode)), async () => (await import("../commands/machines.js")).replace);

  const repair = clusterArgument(program.command("repair"), "<cluster>")
    .summary("mend what is broken")
    .description(
      "Starts machines that are down, and makes those again that are missing or failed. Does nothing where all is well.",
    );
  run(addOperation(repair), async () => (await import("../commands/machines.js")).repair);
}
