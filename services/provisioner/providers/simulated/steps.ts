/** One simulated call: counted, struck by a fault or not, delayed, carried out, and answered once it is in the journal. */
import { setTimeout as sleep } from "node:timers/promises";
import { LoomError } from "../../../common/errors.js";
import type { Fields } from "../provider.js";
import type { JournalLine } from "./journal.js";
import type { FaultRule } from "./rules.js";
import type { World } from "./world.js";

/** Who is asked for what; the part of a journal line that all lines of a call share. */
export type Subject = Omit<JournalLine, "kind" | "at" | "pid">;

const LATE_MS = 1_000;

/** A whole number of milliseconds from a field; 0 where it is absent. */
export function milliseconds(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new LoomError(
    "INVALID_CONFIG",
    `The field "${name}" of the simulated provider must be a number of milliseconds from 0.`,
  );
}

/** Waits, where there is something to wait for. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal });
}

/**
 * A call of the provider itself.
 *
 * @param effect writes the line of what is done; not called where a fault prevents it
 */
export async function step<T>(
  world: World,
  subject: Subject,
  latencyMs: number,
  signal: AbortSignal,
  effect: () => T,
): Promise<T> {
  signal.throwIfAborted();
  world.write("call", subject);
  const rule = world.fault(subject);
  if (rule !== undefined) await struckBefore(world, rule, subject, signal);
  await pause(latencyMs, signal);
  signal.throwIfAborted();
  const answer = effect();
  await world.written();
  if (rule?.fault === "loseAnswer") throw lost();
  return answer;
}

async function struckBefore(world: World, rule: FaultRule, subject: Subject, signal: AbortSignal): Promise<void> {
  if (rule.fault === "landLate") world.later(rule.lateMs ?? LATE_MS, subject);
  await world.written();
  switch (rule.fault) {
    case "unreachable":
      throw new LoomError("PROVIDER_UNREACHABLE", "The simulated provider cannot be reached, as its fault rules say.");
    case "fail":
      throw new LoomError(
        "PROVIDER_ERROR",
        `${subject.action} failed, as the fault rules of the simulated provider say.`,
        {
          metadata: rule.permanent === true ? { permanent: "true" } : {},
        },
      );
    case "landLate":
      throw lost();
    case "hang":
      await hang(signal);
      return;
    case "loseAnswer":
      return;
  }
}

/** Waits until the caller gives up. */
export function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const give = () => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
  });
}

export function lost(): LoomError {
  return new LoomError(
    "PROVIDER_ERROR",
    "The connection to the simulated provider broke before it answered, as its fault rules say.",
  );
}
