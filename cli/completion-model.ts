/** What can be typed where, taken from the tree of commands. The scripts for the shells are made from it. */
import type { Argument, Command, Option } from "commander";
import { allCommands, pathOf } from "./program.js";
import { completionOf, type Completes } from "./tree/options.js";

export interface FlagModel {
  readonly short: string;
  readonly long: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** What completes the value: a kind of name, fixed words, or nothing, which means files. */
  readonly values: Completes | readonly string[] | undefined;
}

export interface CommandModel {
  /** `loom catalog list` */
  readonly path: string;
  readonly subcommands: readonly {
    readonly name: string;
    readonly aliases: readonly string[];
    readonly description: string;
  }[];
  readonly flags: readonly FlagModel[];
  /** What completes each argument; undefined means files. */
  readonly args: readonly (Completes | readonly string[] | undefined)[];
  /** True where the last argument may be given again and again. */
  readonly repeats: boolean;
}

function valuesOf(target: Argument | Option): Completes | readonly string[] | undefined {
  return completionOf(target) ?? target.argChoices;
}

function flagOf(option: Option): FlagModel {
  return {
    short: option.short ?? "",
    long: option.long ?? "",
    description: option.description,
    // `--wait` takes its value only after `=`.
    takesValue: option.required,
    values: valuesOf(option),
  };
}

/** Every command that is not hidden, each with the flags of the program. */
export function completionModel(program: Command): CommandModel[] {
  const global = program.options.filter((option) => !option.hidden).map(flagOf);
  const help: FlagModel = {
    short: "-h",
    long: "--help",
    description: "show this help",
    takesValue: false,
    values: undefined,
  };
  return allCommands(program)
    .filter((command) => !command.name().startsWith("__"))
    .map((command) => ({
      path: pathOf(command),
      subcommands: command.commands
        .filter((sub) => !sub.name().startsWith("__"))
        .map((sub) => ({ name: sub.name(), aliases: sub.aliases(), description: sub.summary() })),
      flags: [
        ...(command.parent === null ? [] : command.options.filter((option) => !option.hidden).map(flagOf)),
        ...global,
        help,
      ],
      args: command.registeredArguments.map(valuesOf),
      repeats: command.registeredArguments.at(-1)?.variadic ?? false,
    }));
}
