/** Flags that several commands share, and how a command is tied to the module that carries it out. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { FORMATS } from "../render/format.js";
import type { GlobalOptions, OutputOptions, Session } from "../session.js";

/** What a module of commands/ exports for a command. */
export type Run = (session: Session, options: never, ...args: never[]) => Promise<number>;

/** Makes the session of a command and keeps its exit code. */
export interface Runner {
  (command: Command, load: () => Promise<Run>): void;
}

/** The kind of name an argument or a flag takes; completion asks Loom for the names. */
export type Completes =
  | "cluster"
  | "document"
  | "template"
  | "service"
  | "provider"
  | "hardware"
  | "image"
  | "context"
  | "kind"
  | "member"
  | "node"
  | "present"
  | "provisioner";

const completes = new WeakMap<object, Completes | readonly string[]>();

/** Says what completes an argument or a flag. */
export function completedBy<T extends object>(target: T, by: Completes | readonly string[]): T {
  completes.set(target, by);
  return target;
}

export function completionOf(target: object): Completes | readonly string[] | undefined {
  return completes.get(target);
}

/** An integer within a range, for flags and arguments. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** `a,b` and repeated flags make one list. */
export function list(text: string, before: readonly string[] | undefined): string[] {
  const items = text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  if (items.length === 0) throw new InvalidArgumentError("It names nothing.");
  return [...(before ?? []), ...items];
}

/** Repeated flags, each kept whole. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** For commands that print something that is no table of records. */
export function addFormat(command: Command): Command {
  return command.addOption(
    completedBy(new Option("-o, --output <format>", "how to print"), FORMATS).choices([...FORMATS]),
  );
}

export function addOutput(command: Command): Command {
  return addFormat(command)
    .option("--columns <names>", "columns of the table, in this order: a,b")
    .option("--no-header", "table without headings")
    .option("--utc", "absolute times in UTC instead of 3m ago");
}

export function addMutation(command: Command): Command {
  return command
    .option("--dry-run", "show what would be done, change nothing")
    .option("--detailed-exit-code", "exit with 4 where a dry run shows changes")
    .option("--request-id <uuid>", "name this request; the same id again gives the first answer again");
}

export function addWait(command: Command, usual: string): Command {
  return command
    .addOption(
      completedBy(
        new Option("--wait [state]", `wait, with live progress, until the job is ${usual} or in the state named`),
        WAIT_STATES,
      ),
    )
    .option("--timeout <duration>", "with --wait: give up after, for example, 90s or 10m (exit code 6)");
}

/** What `--wait` may name; wait.ts says what each means. */
const WAIT_STATES = ["complete", "active", "terminated", "running", "paused", "cancelled", "failed", "ended"];

/** Flags of the program itself, taken before and after the command. */
export function addGlobal(program: Command): Command {
  return program
    .option("--url <address>", "the Loom to talk to (LOOM_URL)")
    .option("--token-file <path>", "file that holds the token (LOOM_TOKEN holds a token)")
    .addOption(completedBy(new Option("--context <name>", "a Loom that loom login stored"), "context"))
    .addOption(new Option("--color <when>", "colours").choices(["auto", "always", "never"]))
    .option("-v, --verbose", "say more, request ids among it")
    .option("--debug", "say where an error came from");
}

export type AllOptions = GlobalOptions & OutputOptions;
