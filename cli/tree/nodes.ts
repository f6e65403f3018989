/** Commands that run something on nodes. */
import { Option, type Command } from "commander";
import { clusterArgument } from "./clusters.js";
import { collect, completedBy, integer, type Runner } from "./options.js";

const EXEC_EXITS = `
Exit codes: that of COMMAND, on one node; 128 and the number of the signal where one ended it. On several nodes 0 where
it ended with 0 on all of them, else 1. 255: Loom could not run it, or lost it. 124: --timeout. 130: Ctrl-C.
A command that ends with 124 or 255 itself cannot be told from these by the exit code; Loom says why on standard error.`;

function addCommand(command: Command): Command {
  return command
    .addOption(new Option("-e, --env <name=value>", "environment variable; may be given again").argParser(collect))
    .option("--timeout <duration>", "end the command after, for example, 90s or 10m (exit code 124)")
    .addHelpText("after", EXEC_EXITS);
}

export function addNodeCommands(program: Command, run: Runner): void {
  const exec = clusterArgument(program.command("exec"), "<cluster>");
  exec
    .summary("run a command on a node, or on all nodes of a service")
    .description(
      "Runs a command on a node as the node's user. A pipe is passed on as standard input. On the nodes of a service, or with --all, it runs on several nodes at once, and each line says where it comes from. The command ends with loom, also where loom is killed. Who ran what where stands in loom events, without arguments.",
    )
    .addArgument(completedBy(exec.createArgument("[node]", "number or host name of a node, or a service"), "member"))
    .argument("[command...]", "after --: the program and its arguments; no shell in between")
    .option("-a, --all", "on every node of the cluster; no node is named then")
    .option("-t, --tty", "with a terminal")
    .option("--stdin", "pass standard input on, to several nodes too; to one node that is done where it is a pipe")
    .option("--no-stdin", "leave standard input alone")
    .addOption(new Option("--parallel <n>", "on so many nodes at once; 10 where not given").argParser(integer(1, 100)));
  run(addCommand(exec), async () => (await import("../commands/exec.js")).run);

  const ssh = clusterArgument(program.command("ssh"), "<cluster>");
  ssh
    .summary("a shell on a node")
    .description(
      "Opens a shell on a node, through Loom, by whatever means its provider has: neither keys nor a route to the node are needed. A terminal at which nothing happens for 30 minutes is closed.",
    )
    .addArgument(
      completedBy(ssh.createArgument("<node>", "number or host name of a node, or a service of one node"), "member"),
    )
    .argument("[command...]", "after --: this instead of a shell")
    .option("--no-tty", "without a terminal, also where there is one");
  run(addCommand(ssh), async () => (await import("../commands/exec.js")).ssh);
}
