/**
 * Skipping a test and saying why. Nothing is skipped silently here: a test that is skipped without a reason counts as
 * failed.
 */
import type { Context, Hook, Test } from "mocha";

const MARK = " [skipped: ";

/**
 * Skips the running test, or from a `before` hook every test of its suite. Call it as
 * `skipBecause(this, "no Docker daemon answers")`.
 */
export function skipBecause(context: Context, reason: string): never {
  const runnable = context.test as Test | Hook | undefined;
  // The reason travels in the title, the one thing that reaches the reporter from a parallel worker too.
  const titled = runnable?.type === "hook" ? runnable.parent : runnable;
  if (titled !== undefined && !titled.title.includes(MARK)) titled.title += `${MARK}${reason}]`;
  return context.skip();
}

/** The title without its reason, and the reason: undefined where none was given. */
export function readSkip(fullTitle: string): { readonly title: string; readonly reason: string | undefined } {
  const start = fullTitle.indexOf(MARK);
  const end = fullTitle.indexOf("]", start);
  if (start < 0 || end < 0) return { title: fullTitle, reason: undefined };
  return {
    title: fullTitle.slice(0, start) + fullTitle.slice(end + 1),
    reason: fullTitle.slice(start + MARK.length, end),
  };
}
