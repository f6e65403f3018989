/** Scripts as the shells of this machine read them: nothing is carried out. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import type { Script } from "../../services/server/catalog/lint/scripts.js";
import { interpreterOf } from "../../services/server/catalog/lint/shell-text.js";
import { lintProblem } from "../../services/server/catalog/lint/lint.js";
import type { LintProblem } from "../../services/server/catalog/lint/types.js";

/** Shells that know `-n`: read everything, run nothing. */
const READERS: Readonly<Record<string, string>> = { sh: "sh", dash: "sh", ash: "sh", bash: "bash" };

/** What is missing, by what the shell expected. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/expecting "fi"|expected `fi'/, 'An "if" has no "fi".'],
  [/expecting "done"/, 'A "while", "until" or "for" has no "done".'],
  [/expecting "then"/, 'After the condition of "if" comes "then", on a line of its own or after ";".'],
  [/expecting "do"/, 'After "while", "until" or "for ... in ..." comes "do", on a line of its own or after ";".'],
  [/expecting "}"/, 'A "{" has no "}".'],
  [/expecting "\)"/, 'A "(" has no ")".'],
  [/"fi" unexpected|unexpected token `fi'/, 'Before "fi" comes "if CONDITION; then".'],
  [/"done" unexpected|unexpected token `done'/, 'Before "done" comes "do".'],
  [/"then" unexpected|unexpected token `then'/, 'Before "then" comes "if CONDITION".'],
  [/";;" unexpected|unexpected token `;;'/, '";;" ends a branch of "case ... in".'],
  [
    /Unterminated quoted string|EOF while looking for matching|EOF in backquote/,
    "A quote is opened and not closed, there or above.",
  ],
];

/** What the shell says of every script, as problems of the documents. Scripts of other interpreters are passed over. */
export async function checkSyntax(scripts: readonly Script[], signal: AbortSignal): Promise<LintProblem[]> {
  const problems: LintProblem[] = [];
  const waiting = [...scripts];
  const worker = async (): Promise<void> => {
    for (let script = waiting.shift(); script !== undefined; script = waiting.shift()) {
      const reader = READERS[interpreterOf(script.text)];
      const said = reader === undefined ? undefined : await read(reader, script.text, signal);
      if (said === undefined) continue;
      problems.push(problemOf(script, said));
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  return problems;
}

/** What the shell says; undefined where the script is right, or where this machine has no such shell. */
async function read(shell: string, text: string, signal: AbortSignal): Promise<string | undefined> {
  const child = spawn(shell, ["-n"], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
    signal,
  });
  // A shell that gives up closes its input early; one that is not there has none.
  child.stdin.on("error", () => undefined);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  child.stdin.end(text);
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0 ? undefined : said;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return undefined;
  }
}

/** `sh: 3: Syntax error: "fi" unexpected` and `bash: line 3: syntax error near ...`. */
const SAID = /^[^\n:]*: (?:line )?(\d+): (?:[Ss]yntax error: )?([^\n]*)/m;

function problemOf(script: Script, said: string): LintProblem {
  const found = SAID.exec(said);
  const texts = script.text.split("\n");
  // The end of the file is after the last line.
  const line = Math.min(Number(found?.[1] ?? 1), script.text.endsWith("\n") ? texts.length - 1 : texts.length);
  const message = (found?.[2] ?? said.trim()).replace(/\.?$/, ".");
  const own = texts[line - 1] ?? "";
  // The word that was not expected, where it stands in the line.
  const word = /"([^"]+)" unexpected|unexpected token `([^']+)'/.exec(message);
  const index = own.indexOf(word?.[1] ?? word?.[2] ?? "");
  const column = word !== null && index !== -1 ? index : own.length - own.trimStart().length;
  return lintProblem(script.source, script.path, {
    rule: "shell-syntax",
    severity: "error",
    place: script.at(Math.max(1, line), column + 1),
    message: `The shell cannot read this script: ${message}`,
    suggestion: ADVICE.find(([pattern]) => pattern.test(message))?.[1] ?? "",
  });
}
