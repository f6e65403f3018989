/** Completion scripts for bash, zsh and fish. Pure: the model in, text out. */
import type { CommandModel, FlagModel } from "./completion-model.js";

export type Shell = "bash" | "zsh" | "fish";

/** The script for a shell. Names of resources are asked for with `loom __complete`. */
export function completionScript(shell: Shell, model: readonly CommandModel[]): string {
  if (shell === "fish") return fishScript(model);
  const body = `${functions(model)}\n`;
  return shell === "bash" ? `# bash completion for loom\n${body}${BASH}` : `#compdef loom\n${body}${ZSH}`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A branch of `case "$path $word"`. */
function branch(keys: readonly string[], body: string): string {
  return `    ${keys.map((key) => quoted(key)).join("|")}) ${body} ;;`;
}

type Values = FlagModel["values"];

/** Sets what completes: fixed words, a kind of name, or files. */
function offer(values: Values): string {
  if (values === undefined) return "_loom_files=1";
  return typeof values === "string" ? `_loom_kind=${values}` : `_loom_words=${quoted(values.join(" "))}`;
}

/** Functions that bash and zsh share: from the words before the cursor to what may follow. */
function functions(model: readonly CommandModel[]): string {
  const steps = model.flatMap((command) =>
    command.subcommands.map((sub) =>
      branch(
        [sub.name, ...sub.aliases].map((name) => `${command.path} ${name}`),
        `_loom_path=${quoted(`${command.path} ${sub.name}`)}; _loom_args=0`,
      ),
    ),
  );
  const valued = [
    ...new Set(
      model.flatMap((command) =>
        command.flags.filter((flag) => flag.takesValue).flatMap((flag) => [flag.short, flag.long]),
      ),
    ),
  ].filter((flag) => flag !== "");
  const values = model.flatMap((command) =>
    command.flags
      .filter((flag) => flag.takesValue)
      .map((flag) =>
        branch(
          [flag.long, flag.short].filter((name) => name !== "").map((name) => `${command.path} ${name}`),
          offer(flag.values),
        ),
      ),
  );
  const flags = model.map((command) =>
    branch([command.path], `_loom_words=${quoted(command.flags.map((flag) => flag.long).join(" "))}`),
  );
  const args = model.flatMap((command) =>
    command.subcommands.length > 0
      ? [branch([`${command.path} 0`], `_loom_words=${quoted(command.subcommands.map((sub) => sub.name).join(" "))}`)]
      : command.args.map((values_, i) =>
          command.repeats && i === command.args.length - 1
            ? `    ${quoted(`${command.path} `)}[0-9]*) ${offer(values_)} ;;`
            : branch([`${command.path} ${i}`], offer(values_)),
        ),
  );
  return `# Reads the words before the cursor, then says what may stand there.
# In: the word at the cursor, then the words before it. Out: _loom_words, _loom_kind or _loom_files, and _loom_first,
# the first argument, which is the cluster that others belong to.
_loom_analyse() {
  local cur=$1 word prev=''
  shift
  _loom_path=loom _loom_args=0 _loom_first='' _loom_words='' _loom_kind='' _loom_files=''
  for word in "$@"; do
    case $prev in
    ${valued.join("|")}) prev=''; continue ;;
    esac
    prev=$word
    case $word in -*) continue ;; esac
    case "$_loom_path $word" in
${steps.join("\n")}
    *)
      [ "$_loom_args" -gt 0 ] || _loom_first=$word
      _loom_args=$((_loom_args + 1)) ;;
    esac
  done
  case "$_loom_path $prev" in
${values.join("\n")}
    *)
      case $cur in
      -*)
        case $_loom_path in
${flags.join("\n")}
        esac ;;
      *)
        case "$_loom_path $_loom_args" in
${args.join("\n")}
        esac ;;
      esac ;;
  esac
}`;
}

const BASH = `_loom() {
  local cur=\${COMP_WORDS[COMP_CWORD]} IFS=$' \\t\\n'
  local _loom_path _loom_args _loom_first _loom_words _loom_kind _loom_files
  _loom_analyse "$cur" "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  if [ -n "$_loom_kind" ]; then _loom_words=$("\${COMP_WORDS[0]}" __complete "$_loom_kind" -- "$cur" "$_loom_first" 2>/dev/null); fi
  if [ -n "$_loom_files" ]; then COMPREPLY=($(compgen -f -- "$cur"))
  else COMPREPLY=($(compgen -W "$_loom_words" -- "$cur")); fi
}
complete -o bashdefault -F _loom loom
`;

const ZSH = `_loom() {
  local _loom_path _loom_args _loom_first _loom_words _loom_kind _loom_files
  _loom_analyse "\${words[CURRENT]}" "\${(@)words[2,CURRENT-1]}"
  if [ -n "$_loom_kind" ]; then _loom_words=$("\${words[1]}" __complete "$_loom_kind" -- "\${words[CURRENT]}" "$_loom_first" 2>/dev/null); fi
  if [ -n "$_loom_files" ]; then _files
  else compadd -- \${=_loom_words}; fi
}
if [ "$funcstack[1]" = _loom ]; then _loom "$@"; else compdef _loom loom; fi
`;

function fishScript(model: readonly CommandModel[]): string {
  const text = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const answer = (values: Values): string => {
    if (values === undefined) return "-r";
    return `-x -a ${text(typeof values === "string" ? `(loom __complete ${values} -- (commandline -ct) (__loom_first) 2>/dev/null)` : values.join(" "))}`;
  };
  const valued = [
    ...new Set(
      model.flatMap((command) =>
        command.flags.filter((flag) => flag.takesValue).flatMap((flag) => [flag.short, flag.long]),
      ),
    ),
  ].filter((flag) => flag !== "");
  const steps = model.flatMap((command) =>
    command.subcommands.map(
      (sub) =>
        `            case ${[sub.name, ...sub.aliases].map((name) => text(`${command.path} ${name}`)).join(" ")}\n                set path ${text(`${command.path} ${sub.name}`)}\n                set args 0`,
    ),
  );
  const lines = model.flatMap((command) => {
    const at = `-n ${text(`__loom_at ${JSON.stringify(command.path)}`)}`;
    const last = command.args.length - 1;
    const atArgument = (i: number): string =>
      `-n ${text(`__loom_at ${JSON.stringify(command.path)} ${i}${command.repeats && i === last ? " more" : ""}`)}`;
    return [
      ...command.subcommands.map(
        (sub) => `complete -c loom ${atArgument(0)} -f -a ${sub.name} -d ${text(sub.description)}`,
      ),
      ...(command.subcommands.length > 0
        ? []
        : command.args.map(
            (values, i) =>
              `complete -c loom ${atArgument(i)} ${values === undefined ? "-F" : answer(values).replace("-x", "-f")}`,
          )),
      ...command.flags.map(
        (flag) =>
          `complete -c loom ${at}${flag.short === "" ? "" : ` -s ${flag.short.slice(1)}`} -l ${flag.long.slice(2)}${flag.takesValue ? ` ${answer(flag.values)}` : ""} -d ${text(flag.description)}`,
      ),
    ];
  });
  return `# fish completion for loom
# Prints the path of the command, the number of its arguments before the cursor, and the first of them.
function __loom_walk
    set -l path loom
    set -l args 0
    set -l first ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${valued.join(" ")}
                set skip 1
                continue
            case '-*'
                continue
        end
        switch "$path $word"
${steps.join("\n")}
            case '*'
                test $args = 0; and set first $word
                set args (math $args + 1)
        end
    end
    printf '%s\\n' $path $args $first
end
function __loom_first
    set -l at (__loom_walk)
    echo $at[3]
end
function __loom_at
    set -l at (__loom_walk)
    test "$at[1]" = $argv[1]; or return 1
    test (count $argv) -lt 2; and return 0
    test (count $argv) -gt 2; and test $at[2] -ge $argv[2]; and return 0
    test $at[2] = $argv[2]
end
complete -c loom -f
${lines.join("\n")}
`;
}
