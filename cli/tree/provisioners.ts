/** Commands on provisioners of other machines, and the one that is such a provisioner. */
import type { Command } from "commander";
import { addFormat, addMutation, addOutput, completedBy, integer, list, type Runner } from "./options.js";

export function addProvisionerCommands(program: Command, run: Runner): void {
  const provisioner = program
    .command("provisioner")
    .summary("let another machine do the work of providers")
    .description(
      [
        "Without a subcommand: makes this machine a provisioner of a Loom on another machine, until Ctrl-C. It takes the work of every provider document that names its label. The first time it needs a token; then it is known by what it keeps in its folder.",
        "",
        "  on the machine of Loom:  loom provisioner token rack-2",
        "  here:                    what that has printed",
      ].join("\n"),
    )
    .option("--join <address>", "host:port of the Loom to join; where it joined before if not given (LOOM_JOIN)")
    .option("--token <token>", "join token; other users see it in the list of processes (better: LOOM_JOIN_TOKEN)")
    .option("--fingerprint <sha256:...>", "of the certificate of that Loom, needed to join (LOOM_FINGERPRINT)")
    .option("--providers <types>", "provider types to offer, of docker, local and others; all if not given", list)
    .option("--slots <n>", "tasks at once (LOOM_SLOTS)", integer(1, 1000))
    .option("--dir <folder>", "where it keeps its certificate and its nodes (LOOM_PROVISIONER_DIR)")
    .option("--datacenter <name>", "where it runs, for people");
  run(provisioner, async () => (await import("../commands/provisioner.js")).run);

  const token = provisioner
    .command("token")
    .argument("[label]", "what provider documents will call it in their field `provisioner`", "joined")
    .summary("invite a provisioner (administrators)")
    .description(
      "Makes a token that lets one provisioner in, once, and prints the command to run on the other machine. Loom must have been started with --workers-listen.",
    )
    .option("--ttl <duration>", "how long the token is good, from 1m to 7d", "1h");
  run(addFormat(addMutation(token)), async () => (await import("../commands/provisioners.js")).token);

  const listed = provisioner
    .command("list")
    .alias("ls")
    .summary("list provisioners of other machines")
    .description("Lists the provisioners of other machines: those that were invited, and those that joined.")
    .option("--all", "also those that were revoked, and invitations that ended");
  run(addOutput(listed), async () => (await import("../commands/provisioners.js")).list);

  const revoke = provisioner
    .command("revoke")
    .summary("let a provisioner in no more (administrators)")
    .description(
      "Takes an invitation back, or closes the connections of a provisioner and lets it in no more. What it made stays; jobs that need it wait for another one with its label.",
    );
  revoke.addArgument(completedBy(revoke.createArgument("<id>", "id of the provisioner"), "provisioner"));
  run(addMutation(revoke), async () => (await import("../commands/provisioners.js")).revoke);
}
