/**
 * Environments of commands on hosts. They hold passwords, while the words of a command show in the host's list of
 * processes and in sudo's log. So they come through the command's standard input, in front of its own input.
 */
import { LoomError } from "../../../common/errors.js";
import { quoted } from "./quoting.js";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What a command does with its standard input.
 *
 * - `none`: it has none; it gets an empty one.
 * - `pipe`: what follows the environment is the command's.
 * - `terminal`: the same at a terminal. The environment is to be sent when the command says that it waits for it, see
 *   {@link isReady}: before that the terminal would show it.
 */
export type InputKind = "none" | "pipe" | "terminal";

/** Whether a command at a terminal waits for its environment. @param word that only both sides know */
export function isReady(printed: string, word: string): boolean {
  return printed.includes(`${word} ready\n`) || printed.includes(`${word} ready\r\n`);
}

/**
 * Shell: reads the environment and sets it. Expects $word and, as $input, an {@link InputKind}. A shell's read takes
 * byte by byte what it cannot seek in, so what follows stays for the command. The variables of `own` are unset before,
 * so that none of them is in the command's way.
 *
 * @param own further variables of the shell's
 */
export function readEnvironment(own: string): string {
  return `
if [ "$input" = terminal ]; then
  saved=$(stty -g) && stty raw -echo || exit 129
  echo "$word ready"
fi
text='' line=''
while IFS= read -r line && [ "$line" != "$word" ]; do
  text="$text$line
"
done
# Cut off on the way: nothing is run with half an environment.
[ "$line" = "$word" ] || exit 129
case $input in
  terminal) stty "$saved" ;;
  none) exec </dev/null ;;
esac
eval "unset word input saved text line ${own}
$text"`;
}

/**
 * The environment as {@link readEnvironment} takes it.
 *
 * @throws INVALID_FIELD where a name or a value can be none
 */
export function environmentText(env: Readonly<Record<string, string>>, word: string): string {
  const lines = Object.entries(env).map(([name, value]) => {
    if (!NAME.test(name)) throw new LoomError("INVALID_FIELD", `"${name}" is no name of a variable.`);
    // bash keeps some names for itself, UID for one. Without "command" it would end here.
    return `command export ${quoted(`${name}=${value}`)} 2>/dev/null\n`;
  });
  return `${lines.join("")}${word}\n`;
}
