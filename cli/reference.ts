/** The reference page of the command line, made from the tree of commands. Pure. */
import type { Command, Option } from "commander";
import { allCommands, createProgram, pathOf } from "./program.js";

const HEAD = `# Command line

<!-- Made from the tree of commands by tools/cli-reference.ts; edit that, or cli/tree/. -->

\`loom\` talks to one Loom. Which one: \`--url\` and \`--token-file\`, else \`LOOM_URL\` and \`LOOM_TOKEN\`, else the context
named by \`--context\` or made current by \`loom login\`. Contexts are kept in \`~/.config/loom/context.json\` (or below
\`XDG_CONFIG_HOME\`), which only you can read; \`loom\` refuses it otherwise. A stored token is only ever sent to the
address it was stored with, and only to who shows the certificate that was trusted with \`--fingerprint\`
(\`LOOM_FINGERPRINT\` beside \`LOOM_URL\`).

## Names

\`CLUSTER\` is \`clusters/hello-1a\`, \`hello-1a\`, or the display name \`hello\` where exactly one live cluster has it;
otherwise the candidates are listed. Parts of a cluster are \`hello-1a/nodes/1000\`, \`hello-1a/jobs/1\` and
\`hello-1a/jobs/1/tasks/4\`. Documents are \`Service/web\`; kinds may be written as \`service\` or \`templates\`.

## Output

Data goes to standard output, everything else to standard error. \`-o\` takes \`table\`, \`wide\`, \`json\`, \`jsonl\` (a record
on each line), \`yaml\` and \`name\`. JSON is the proto JSON of the API, empty values included; a list stands under its own
name, as in \`{"clusters": [...]}\`. Tables are cut to the terminal, colours come with a terminal and go with \`NO_COLOR\` or
\`--color never\`. Times are relative in tables (\`3m ago\`), absolute in UTC with \`--utc\` and in JSON.

\`--watch\` draws again in place as changes come; where output is no terminal, each changed record is printed once.
\`status CLUSTER --watch\` ends when the job at work has ended, \`tasks --watch\` with the job; lists go on until Ctrl-C.

## Waiting

\`--wait\` shows live progress and ends when the job has ended; \`--wait=STATE\` ends at a state (complete, active,
terminated, running, paused, cancelled, failed, ended). \`--timeout\` takes \`90s\`, \`10m\`, \`1h30m\`. A lost connection is made again
and goes on where it was. Ctrl-C and a timeout end the waiting, never the job.

## Repeating safely

Every change carries a request id, made by \`loom\` unless \`--request-id\` gives one. Where the connection is lost before
the answer came, \`loom\` sends the same request again, and says so; the same id is never carried out twice. \`--dry-run\`
shows what would be done: \`+\` is made, \`~\` is changed, \`-\` is removed, \`-/+\` is removed and made again.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | bad input or catalog |
| 3 | no layout |
| 4 | there are changes (only with \`--detailed-exit-code\`) |
| 5 | Loom cannot be reached |
| 6 | timed out waiting |
| 130 | stopped with Ctrl-C |

\`loom exec\` and \`loom ssh\` end with the exit code of their command on one node (128 and the number of the signal where
one ended it, 127 where there is no such program), and on several nodes with 0 where the command ended with 0 on all of
them, else 1. Beside that: 255 where Loom could not run it or lost it, 124 after \`--timeout\`, 130 after Ctrl-C, 2 for a
command line that makes no sense. A command that ends with one of these itself cannot be told from them by the code alone;
Loom says on standard error what it has to say.
`;

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function flagTable(options: readonly Option[]): string {
  if (options.length === 0) return "";
  const rows = options.map((option) => {
    const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
    const required = option.mandatory ? " Required." : "";
    return `| \`${cell(option.flags.replace(" [state]", "[=state]"))}\` | ${cell(option.description)}${choices}.${required} |`;
  });
  return `\n| flag | |\n|---|---|\n${rows.join("\n")}\n`;
}

function usage(command: Command): string {
  const args = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [pathOf(command), ...args, "[flags]"].join(" ");
}

function section(command: Command): string {
  const args = command.registeredArguments.map(
    (argument) =>
      `* \`${argument.name()}\`: ${argument.description}${argument.argChoices === undefined ? "" : ` (${argument.argChoices.join(", ")})`}.`,
  );
  const alias = command.aliases().length === 0 ? "" : ` Also: \`${command.aliases().join("`, `")}\`.`;
  const description = command.description().split("\n\n");
  const parts = [`### ${pathOf(command)}\n`, `\`${usage(command)}\`\n`, `${description[0]}${alias}\n`];
  if (description.length > 1) parts.push(`\`\`\`\n${description.slice(1).join("\n\n")}\n\`\`\`\n`);
  if (args.length > 0) parts.push(`${args.join("\n")}\n`);
  const table = flagTable(command.options.filter((option) => !option.hidden));
  return parts.join("\n") + table;
}

/** The text of docs/reference/cli.md. */
export function cliReference(): string {
  const program = createProgram(() => undefined);
  const leaves = allCommands(program).filter(
    (command) => command.parent !== null && command.commands.length === 0 && !command.name().startsWith("__"),
  );
  const global = program.options.filter((option) => !option.hidden);
  return `${HEAD}\n## Flags of every command\n${flagTable(global)}\n## Commands\n\n${leaves.map(section).join("\n")}`;
}
