/** Commands as one line, which is all that SSH carries: the other side's shell takes it apart again. Pure. */
import { LoomError } from "../../../common/errors.js";

/** The text as one word of a POSIX shell, whatever it holds. */
export function quoted(text: string): string {
  if (text.includes("\0")) throw new LoomError("INVALID_FIELD", "A word of a command cannot hold a zero byte.");
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param env of the command, without secrets: everybody on the host may see it. Set by env(1), since sshd takes no
 *   variables unless it was told to
 * @param sudo whether root is to run it
 */
export function commandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  sudo: boolean = false,
): string {
  const variables = Object.entries(env).map(([name, value]) => {
    if (!NAME.test(name)) throw new LoomError("INVALID_FIELD", `"${name}" is no name of a variable.`);
    return quoted(`${name}=${value}`);
  });
  const words = [
    "exec",
    ...(sudo ? ["sudo", "-n", "--"] : []),
    ...(variables.length > 0 ? ["env", ...variables] : []),
    ...argv.map(quoted),
  ];
  return words.join(" ");
}
