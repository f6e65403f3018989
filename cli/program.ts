/** The command line: the tree of commands, and one run of it. */
import { Command, CommanderError, type Option } from "commander";
import { exitCodeOf, failureLines } from "./errors.js";
import { badInput, EXIT } from "./exit.js";
import { createPalette, wantsColour } from "./render/colour.js";
import { createSession } from "./session.js";
import type { Terminal } from "./terminal.js";
import { addAccountCommands } from "./tree/account.js";
import { addCatalogCommands } from "./tree/catalog.js";
import { addClusterCommands } from "./tree/clusters.js";
import { addJobCommands } from "./tree/jobs.js";
import { addOperationCommands } from "./tree/operations.js";
import { addNodeCommands } from "./tree/nodes.js";
import { addLeaseCommands } from "./tree/leases.js";
import { addProvisionerCommands } from "./tree/provisioners.js";
import { addStrayCommands } from "./tree/strays.js";
import { addTemplateCommands } from "./tree/templates.js";
import { addGlobal, addOutput, type AllOptions, type Runner } from "./tree/options.js";

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 bad input or catalog, 3 no layout, 4 there are changes (--detailed-exit-code),
5 Loom cannot be reached, 6 timed out waiting, 130 stopped with Ctrl-C.`;

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Clusters:": ["create", "plan", "list", "status", "describe", "nodes", "extend", "delete", "strays", "quota"],
  "Running clusters:": [
    "configure",
    "start",
    "stop",
    "restart",
    "add-services",
    "remove-services",
    "add-nodes",
    "remove-nodes",
    "replace-node",
    "repair",
  ],
  "On nodes:": ["exec", "ssh"],
  "Jobs:": ["logs", "events", "jobs", "tasks", "wait", "pause", "resume", "cancel", "retry", "retry-task", "skip-task"],
  "Catalog:": ["catalog", "template"],
  "Machines:": ["provisioner"],
  "This program:": ["login", "context", "completion", "version"],
};

/**
 * The tree of commands.
 *
 * @param run ties a command to the module that carries it out
 */
export function createProgram(run: Runner): Command {
  const program = new Command("loom").description("Clusters on demand: a template, a size, and Loom does the rest.");
  addGlobal(program);
  addClusterCommands(program, run);
  addOperationCommands(program, run);
  addNodeCommands(program, run);
  addLeaseCommands(program, run);
  addStrayCommands(program, run);
  addJobCommands(program, run);
  addCatalogCommands(program, run);
  addTemplateCommands(program, run);
  addProvisionerCommands(program, run);
  addAccountCommands(program, run);
  // Flags for output may stand before the command too; there they are not listed in the help of the program.
  const own = new Set(program.options);
  addOutput(program);
  for (const option of program.options) if (!own.has(option)) option.hideHelp();
  program.helpCommand("help [command]", "help for a command").addHelpText("after", EXIT_CODES);
  for (const [heading, names] of Object.entries(GROUPS)) {
    for (const command of program.commands) if (names.includes(command.name())) command.helpGroup(heading);
  }
  for (const command of allCommands(program)) {
    command.configureHelp({
      showGlobalOptions: true,
      optionTerm: (option) => option.flags.replace(" [state]", "[=state]"),
      sortSubcommands: false,
    });
    command.helpOption("-h, --help", "show this help");
  }
  return program;
}

/** The program and every command below it, hidden ones included. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** `loom catalog list` */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/**
 * `--wait` takes its state only after `=`: otherwise it would swallow the next argument, which is the cluster's name as
 * often as not.
 */
export function normalized(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((text, i) => (text === "--wait" && (end < 0 || i < end) ? "--wait=end" : text));
}

/** `--columns` before a command that has no such flag must not be passed over in silence. */
function refuseForeignFlags(program: Command, command: Command): void {
  for (const option of program.options.filter((one) => one.hidden)) {
    const given = program.getOptionValueSource(option.attributeName()) === "cli";
    if (given && !command.options.some((one: Option) => one.long === option.long)) {
      throw badInput(`${pathOf(command)} has no ${option.long}.`, `See: ${pathOf(command)} --help`);
    }
  }
}

/** Runs one command line. Never throws. @returns the exit code */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const interrupted = new AbortController();
  const release = terminal.onInterrupt(() => interrupted.abort());
  let exit: number = EXIT.done;
  const program = createProgram((command, load) => {
    command.action(async (...given: unknown[]) => {
      refuseForeignFlags(program, command);
      const options = command.optsWithGlobals<AllOptions>();
      const session = createSession(terminal, options, interrupted.signal);
      // Commander gives the arguments, then the options, then the command.
      const args = given.slice(0, -2) as never[];
      exit = await (await load())(session, options as never, ...args);
    });
  });
  const { stdout, stderr } = terminal;
  const width = (sink: typeof stdout): number => Math.min(sink.columns ?? 100, 120);
  for (const command of allCommands(program)) {
    command
      .exitOverride()
      .showHelpAfterError(`See: ${pathOf(command)} --help`)
      .configureOutput({
        writeOut: (text) => stdout.write(text),
        writeErr: (text) => stderr.write(text),
        getOutHelpWidth: () => width(stdout),
        getErrHelpWidth: () => width(stderr),
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      });
  }
  try {
    await program.parseAsync(normalized(argv), { from: "user" });
  } catch (thrown) {
    exit = exitCodeOf(thrown);
    const isOwn = !(thrown instanceof CommanderError);
    const quiet = interrupted.signal.aborted && exit !== EXIT.interrupted;
    if (isOwn && !quiet) {
      const { color, debug } = program.opts<AllOptions>();
      const palette = createPalette(wantsColour(stderr, terminal.env, color ?? "auto"));
      stderr.write(
        failureLines(thrown, palette, stderr.columns ?? 100, debug === true)
          .map((line) => `${line}\n`)
          .join(""),
      );
    }
  } finally {
    release();
  }
  return interrupted.signal.aborted ? EXIT.interrupted : exit;
}
