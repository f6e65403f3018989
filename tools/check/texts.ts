/** What is checked in the texts of the project beyond what compiler and linter see. Pure: texts in, findings out. */
import { posix } from "node:path";

export interface Finding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** Reads lines that match, with what to say about each. */
function matches(file: string, text: string, pattern: RegExp, say: (match: RegExpExecArray) => string): Finding[] {
  return text.split("\n").flatMap((line, index) => {
    const match = pattern.exec(line);
    return match === null ? [] : [{ file, line: index + 1, message: say(match) }];
  });
}

/** Marks of unfinished work say of which kind it is, or they are forgotten. */
export function untypedTodos(file: string, text: string): Finding[] {
  const pattern = /\b(TODO|FIXME|XXX)\b(?!-(?:correctness|robustness|performance|security)\b)/;
  return matches(
    file,
    text,
    pattern,
    ([word]) => `${word}: write TODO-correctness, -robustness, -performance or -security`,
  );
}

/** Hosts of package and image registries: which one is used is the business of the machine's settings. */
const REGISTRIES =
  /\b(registry\.[a-z]+js\.org|(?:deb|security)\.debian\.org|[a-z]*\.?pythonhosted\.org|pypi\.org|ghcr\.io|quay\.io|gcr\.io|registry-1\.docker\.io)\b/;

export function registryHosts(file: string, text: string): Finding[] {
  return matches(file, text, REGISTRIES, ([host]) => `names the registry ${host}, which not everybody can reach`);
}

/**
 * Paths that exist on one machine only: the checkout itself, the folder around it, the writer's home.
 *
 * @param folders absolute; those that mean the same on every machine are left out by the caller
 */
export function machinePaths(file: string, text: string, folders: readonly string[]): Finding[] {
  return folders.flatMap((folder) =>
    matches(
      file,
      text,
      new RegExp(`(?<![\\w.])${folder.replace(/[^\w/]/g, "\\$&")}(?![\\w-])`),
      () => `names ${folder}, a folder of this machine`,
    ),
  );
}

/** Mentions of the design pages that stand outside of this tree: what a reader needs stands in docs/. */
export function outsidePages(file: string, text: string): Finding[] {
  return matches(file, text, /\bshared\/design\b/, () => "points to pages outside of this tree");
}

/** Pages that a comment names and that are nowhere in the project; `names` are the names of all its files, without folders. */
export function unknownPages(file: string, text: string, names: ReadonlySet<string>): Finding[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      [...line.matchAll(/(?<![\w/*.-])(?:[\w.-]+\/)*([\w-]+\.md)\b/g)]
        .filter(([, name]) => !names.has(name!))
        .map(([page]) => ({ file, line: index + 1, message: `names the page ${page}, which is not in the project` })),
    );
}

/** Source files over this many lines hold more than one idea. */
export const LONGEST = 300;

export function tooLong(file: string, text: string): Finding[] {
  const lines = text.split("\n").length - 1;
  return lines > LONGEST
    ? [{ file, line: LONGEST, message: `${lines} lines; more than ${LONGEST} is more than one idea` }]
    : [];
}

/** The name a heading of Markdown can be linked by. */
function anchor(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[`*]/g, "")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

function anchors(text: string): Set<string> {
  return new Set(text.split("\n").flatMap((line) => (/^#{1,6} /.test(line) ? [anchor(line.replace(/^#+ /, ""))] : [])));
}

/**
 * Relative links of a Markdown file that lead nowhere.
 *
 * @param read the text of a file of the project, "" for a folder, undefined where there is none
 */
export function deadLinks(file: string, text: string, read: (path: string) => string | undefined): Finding[] {
  const prose = text.replace(/^```[^]*?^```/gm, (block) => block.replace(/[^\n]/g, ""));
  return prose.split("\n").flatMap((line, index) =>
    [...line.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
      if (target === undefined || /^[a-z]+:/.test(target)) return [];
      const [path = "", fragment] = target.split("#");
      const linked = path === "" ? text : read(posix.join(posix.dirname(file), path));
      const dead = linked === undefined || (fragment !== undefined && !anchors(linked).has(fragment));
      return dead ? [{ file, line: index + 1, message: `the link ${target} leads nowhere` }] : [];
    }),
  );
}
