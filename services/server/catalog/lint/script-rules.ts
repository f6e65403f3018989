/** What is wrong with a script that the shell itself would take. Pure. */
import { parseMacros } from "../../macros/parse.js";
import { didYouMean } from "../suggest.js";
import type { Script } from "./scripts.js";
import { commandLines, interpreterOf, readShell } from "./shell-text.js";
import type { LintFinding } from "./types.js";

/** Variables that every script finds set (docs/reference/catalog.md, "Scripts"). */
export const LOOM_VARIABLES = [
  "LOOM_ACTION",
  "LOOM_ADDRESS",
  "LOOM_CLUSTER",
  "LOOM_CONFIG",
  "LOOM_HOME",
  "LOOM_HOSTNAME",
  "LOOM_JOB",
  "LOOM_NODE",
  "LOOM_SERVICE",
  "LOOM_SERVICES",
] as const;

const SHELLS = new Set(["sh", "dash", "ash", "bash", "ksh", "zsh"]);
const SETS_E = /^\s*set\s+(?:\S+\s+)*?(?:-[A-Za-z]*e[A-Za-z]*|-[A-Za-z]*o\s+errexit)(?:\s|;|$)/;
/** What bash has and sh does not, which `sh -n` lets pass. */
const BASH_ONLY: readonly { readonly found: RegExp; readonly what: string; readonly instead: string }[] = [
  {
    found: /(?:^|[\s;&|!(])(\[\[)\s/,
    what: "[[ ... ]]",
    instead: 'Use [ ... ] with quotes around values, or begin the script with "#!/bin/bash".',
  },
  { found: /(?:^|[;&|]\s*)\s*(source)\s+\S/, what: "source", instead: 'Use ". FILE".' },
];

/** Everything the rules find in one script. */
export function checkScript(script: Script): LintFinding[] {
  const interpreter = interpreterOf(script.text);
  const { lines, open } = readShell(script.text);
  const findings: LintFinding[] = [];
  const { at } = script;
  if (SHELLS.has(interpreter)) {
    for (const { line, column, word, almost } of open) {
      findings.push({
        rule: "here-document",
        severity: "warning",
        place: at(line, column),
        message: `No line "${word}" ends what begins here: everything after it is taken for text.`,
        suggestion:
          almost === undefined
            ? `Write ${word} on a line of its own, as far left as the script begins.`
            : `The ${word} of line ${at(almost).line} has blanks around it; it must begin where the script's lines begin.`,
      });
    }
    const commands = commandLines(lines);
    const goesOn =
      commands.length > 1 &&
      !lines.some((line) => !line.isDocument && SETS_E.test(line.text)) &&
      !/^#!.*\s-[a-z]*e/.test(script.text);
    if (goesOn) {
      findings.push({
        rule: "set-e",
        severity: "warning",
        place: at(commands[0]!.number, 1 + indentOf(commands[0]!.text)),
        message: "The script goes on after a command that failed, and only the last one decides.",
        suggestion: 'Begin it with "set -eu".',
      });
    }
    if (interpreter === "sh" || interpreter === "dash" || interpreter === "ash") {
      for (const line of lines.filter((one) => !one.isDocument)) {
        for (const { found, what, instead } of BASH_ONLY) {
          const hit = found.exec(withoutComment(line.text));
          if (hit === null) continue;
          findings.push({
            rule: "bash-only",
            severity: "warning",
            place: at(line.number, hit.index + hit[0].indexOf(hit[1]!) + 1),
            message: `"${what}" is bash, and sh runs this script.`,
            suggestion: instead,
          });
        }
      }
    }
  }
  return [...findings, ...checkVariables(script), ...checkMacrosInScript(script)];
}

/** `LOOM_...` names that nobody sets. */
function checkVariables({ text, env, at }: Script): LintFinding[] {
  const findings: LintFinding[] = [];
  const known = new Set<string>([...LOOM_VARIABLES, ...env]);
  for (const [, name] of text.matchAll(/\b(LOOM_[A-Z0-9_]+)=/g)) known.add(name!);
  for (const [index, line] of text.split("\n").entries()) {
    for (const hit of line.matchAll(/(?<![A-Za-z0-9_])LOOM_[A-Z0-9_]+\b/g)) {
      if (known.has(hit[0])) continue;
      known.add(hit[0]);
      findings.push({
        rule: "loom-variable",
        severity: "warning",
        place: at(index + 1, hit.index + 1),
        message: `Nobody sets ${hit[0]}.`,
        suggestion: didYouMean(hit[0], LOOM_VARIABLES) || `Loom sets ${LOOM_VARIABLES.join(", ")}.`,
      });
    }
  }
  return findings;
}

/** Macros where none are expanded. */
function checkMacrosInScript({ text, at }: Script): LintFinding[] {
  return text.split("\n").flatMap((line, index) =>
    parseMacros(line).flatMap((token): LintFinding[] =>
      token.kind !== "macro"
        ? []
        : [
            {
              rule: "macro-in-script",
              severity: "warning",
              place: at(index + 1, token.offset + 1),
              message: `${token.text} stays as it is: macros are not expanded in scripts.`,
              suggestion: `Put it beside the script, as "env: { NAME: '${token.text}' }", and use "$NAME" here.`,
            },
          ],
    ),
  );
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length;
}

function withoutComment(text: string): string {
  return text.replace(/(^|\s)#.*$/, "$1");
}
