/** Commands on clusters. */
import { Argument, Option, type Command } from "commander";
import {
  addFormat,
  addMutation,
  addOutput,
  addWait,
  collect,
  completedBy,
  integer,
  list,
  type Runner,
} from "./options.js";

const CLUSTER = "clusters/NAME-ID, NAME-ID, or a display name that one live cluster has";
const MOST_NODES = 10_000;

const CLUSTER_STATES = ["pending", "active", "incomplete", "inconsistent", "terminated"];

/** An argument that names a cluster or a part of one. */
export function clusterArgument(command: Command, name: string, description = CLUSTER): Command {
  return command.addArgument(completedBy(command.createArgument(name, description), "cluster"));
}

export function watchOption(command: Command): Command {
  return command.option("-w, --watch", "show changes as they come; in place on a terminal");
}

export function addClusterCommands(program: Command, run: Runner): void {
  const create = program
    .command("create")
    .summary("make a cluster from a template")
    .description("Makes a cluster from a template. The layout puts services on nodes; the plan says in which order.")
    .argument("<name>", "what to call it: a letter, then letters, digits and hyphens, at most 40")
    .addOption(completedBy(new Option("-t, --template <name>", "template document").makeOptionMandatory(), "template"))
    .addOption(new Option("-n, --nodes <n>", "how many nodes").argParser(integer(1, MOST_NODES)).makeOptionMandatory())
    .addOption(
      completedBy(new Option("-p, --provider <name>", "provider document; the template's where not given"), "provider"),
    )
    .addOption(
      completedBy(
        new Option("-s, --services <names>", "services, a,b; the template's where not given").argParser(list),
        "service",
      ),
    )
    .addOption(
      completedBy(
        new Option("--hardware-type <name>", "hardware type document; the layout's choice where not given"),
        "hardware",
      ),
    )
    .addOption(
      completedBy(
        new Option("--image-type <name>", "image type document; the layout's choice where not given"),
        "image",
      ),
    )
    .option("--dns-suffix <suffix>", "suffix of host names")
    .addOption(
      new Option(
        "-c, --config <key=value|@file>",
        "configuration, such as web.port=8080, or a YAML or JSON file; may be given again",
      ).argParser(collect),
    )
    .option("--with-dependencies", "add services that others require")
    .option("--lease <duration>", "how long it lives, such as 8h or 30d, or forever; the template's where not given")
    .option("--description <text>", "what it is for");
  addOutput(addMutation(addWait(create, "complete")));
  run(create, async () => (await import("../commands/create.js")).run);

  const plan = program
    .command("plan")
    .summary("lay out and plan a cluster, make nothing")
    .description(
      "Lays out and plans a cluster and makes nothing. With --catalog it needs no server; without, the server's catalog is used, as by loom create --dry-run.",
    )
    .option("--catalog <folder>", "folder with the documents")
    .addOption(new Option("-t, --template <name>", "template document").makeOptionMandatory())
    .addOption(new Option("-n, --nodes <n>", "how many nodes").argParser(integer(1, MOST_NODES)).makeOptionMandatory())
    .option("-p, --provider <name>", "provider document; the template's where not given")
    .addOption(new Option("-s, --services <names>", "services, a,b; the template's where not given").argParser(list))
    .option("--hardware-type <name>", "hardware type document; the layout's choice where not given")
    .option("--image-type <name>", "image type document; the layout's choice where not given")
    .option("--dns-suffix <suffix>", "suffix of host names")
    .addOption(new Option("-c, --config <key=value|@file>", "configuration; may be given again").argParser(collect))
    .option("--with-dependencies", "add services that others require")
    .option("--name <name>", "what the cluster would be called, for host names")
    .option("--detailed-exit-code", "exit with 4 where there is something to do");
  run(addFormat(plan), async () => (await import("../commands/plan.js")).run);

  const listing = program
    .command("list")
    .alias("ls")
    .summary("list clusters")
    .description("Lists clusters, newest first; those that are gone only with --state terminated.")
    .addOption(completedBy(new Option("--state <states>", "only in these states: a,b").argParser(list), CLUSTER_STATES))
    .addOption(completedBy(new Option("-t, --template <name>", "only made from this template"), "template"));
  run(watchOption(addOutput(listing)), async () => (await import("../commands/list.js")).run);

  const status = clusterArgument(program.command("status"), "[cluster]")
    .summary("clusters, nodes and services at a glance")
    .description(
      "Shows clusters with their nodes and services. With --watch one cluster is shown until its job has ended.",
    );
  run(watchOption(addOutput(status)), async () => (await import("../commands/status.js")).run);

  const describe = clusterArgument(
    program.command("describe"),
    "<name>",
    "CLUSTER, CLUSTER/jobs/N, CLUSTER/jobs/N/tasks/N, CLUSTER/nodes/N or documents/KIND/NAME",
  )
    .summary("everything about a cluster, job, task, node or document")
    .description("Tells everything about one resource, with what went wrong and what to do next.");
  run(addOutput(describe), async () => (await import("../commands/describe.js")).run);

  const nodes = clusterArgument(program.command("nodes"), "<cluster>")
    .summary("list the nodes of a cluster")
    .description("Lists the nodes of a cluster: what was last done with each, and what its provider last said of it.")
    .option("-a, --all", "also nodes that are gone");
  run(watchOption(addOutput(nodes)), async () => (await import("../commands/nodes.js")).run);

  const addNodes = clusterArgument(program.command("add-nodes"), "<cluster>")
    .summary("add nodes to a cluster")
    .description(
      "Adds nodes of the layout that carries a service. Services that name the one that grew are configured again.",
    )
    .addArgument(completedBy(new Argument("<service>", "the layout that carries this service grows"), "service"))
    .argument("<n>", "by how many nodes", integer(1, MOST_NODES));
  run(
    addOutput(addMutation(addWait(addNodes, "complete"))),
    async () => (await import("../commands/add-nodes.js")).run,
  );

  const remove = clusterArgument(program.command("delete"), "<cluster>")
    .summary("delete a cluster and all its machines")
    .description("Removes every machine of a cluster. On a terminal the name must be typed; scripts give --yes.")
    .option("-y, --yes", "do not ask");
  run(addOutput(addMutation(addWait(remove, "complete"))), async () => (await import("../commands/delete.js")).run);
}
