/**
 * Skipping a test and saying why. Nothing is skipped silently here: a test that is skipped without a reason counts as
 * failed.
 */
import type { Context, Hook, Test } from "mocha";

/** The reason as it stands in a title. */
const REASON = / \(skipped: (.*?)\)/;

/**
 * Skips the running test, or from a `before` hook every test of its suite. Call it as
 * `skipBecause(this, "no Docker daemon answers")`.
 */
export function skipBecause(context: Context, reason: string): never {
  const runnable = context.test as Test | Hook | undefined;
  // The reason travels in the title, the one thing that reaches the reporter from a parallel worker too.
  const titled = runnable?.type === "hook" ? runnable.parent : runnable;
  if (titled !== undefined && !REASON.test(titled.title)) titled.title += ` (skipped: ${reason})`;
  return context.skip();
}

/** The title without its reason, and the reason: undefined where none was given. */
export function readSkip(fullTitle: string): { readonly title: string; readonly reason: string | undefined } {
  return { title: fullTitle.replace(REASON, ""), reason: REASON.exec(fullTitle)?.[1] };
}
