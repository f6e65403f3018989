/** Commands that are about the command line itself. */
import type { Command } from "commander";
import { addFormat, addOutput, completedBy, type Runner } from "./options.js";

export function addAccountCommands(program: Command, run: Runner): void {
  const login = program
    .command("login")
    .argument("<url>", "for example http://127.0.0.1:7420")
    .summary("sign in to a Loom with a token")
    .description(
      "Checks a token and stores it for later commands, readable by you alone. The token is asked for without being shown, read from a pipe, or taken from --token-file.",
    )
    .option("--name <name>", "name of the context; the address's host and port where not given")
    .option("--fingerprint <sha256:...>", "trust the certificate that Loom named at its start, and no other");
  run(login, async () => (await import("../commands/login.js")).login);

  const context = program
    .command("context")
    .summary("the Looms you signed in to")
    .description("The Looms you signed in to. Tokens are never shown.");
  const list = context
    .command("list", { isDefault: true })
    .alias("ls")
    .summary("list them")
    .description("Lists the Looms you signed in to.");
  run(addOutput(list), async () => (await import("../commands/login.js")).contextList);
  const named = (name: string): Command => {
    const command = context.command(name);
    return command.addArgument(completedBy(command.createArgument("<name>", "name of the context"), "context"));
  };
  const use = named("use")
    .summary("talk to this one from now on")
    .description("Makes a context the one that commands use.");
  run(use, async () => (await import("../commands/login.js")).contextUse);
  const remove = named("remove")
    .summary("forget one")
    .description("Removes a context and its token from this machine. The token stays valid at the server.");
  run(remove, async () => (await import("../commands/login.js")).contextRemove);

  const completion = program
    .command("completion")
    .summary("completion for your shell")
    .description(
      [
        "Prints a script that completes commands, flags and names.",
        "",
        "  bash: loom completion bash > ~/.local/share/bash-completion/completions/loom",
        '  zsh:  loom completion zsh > "${fpath[1]}/_loom"',
        "  fish: loom completion fish > ~/.config/fish/completions/loom.fish",
      ].join("\n"),
    );
  completion.addArgument(completion.createArgument("<shell>", "your shell").choices(["bash", "zsh", "fish"]));
  run(completion, async () => (await import("../commands/completion.js")).script);

  const complete = program
    .command("__complete", { hidden: true })
    .argument("<kind>", "what to complete")
    .argument("[prefix]", "what was typed")
    .argument("[cluster]", "the cluster that stands before it");
  run(complete, async () => (await import("../commands/completion.js")).names);

  const version = program
    .command("version")
    .summary("the version of this program")
    .description("Prints the version of this program and, with --server, of the Loom it talks to.")
    .option("--server", "also the server's version");
  run(addFormat(version), async () => (await import("../commands/version.js")).run);
}
