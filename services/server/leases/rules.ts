/**
 * How long a cluster may live: the rules of a template's `lease`. Pure; all times and durations are milliseconds, times
 * since 1970.
 */
import { LoomError } from "../../common/errors.js";
import type { LeaseTerms } from "../catalog/types.js";
import { DAY, LONGEST_LEASE, MINUTE, formatLease, parseLease } from "./duration.js";

/** A template's rules in milliseconds; 0 is no limit. */
export interface Terms {
  readonly initial: number;
  readonly max: number;
  readonly step: number;
}

/** The rules a template states. A text that is no duration counts as not given: it is reported where it is read. */
export function termsOf(lease: LeaseTerms | undefined): Terms {
  const of = (text: string | undefined): number | undefined => (text === undefined ? undefined : parseLease(text));
  const max = of(lease?.max) ?? 0;
  return { initial: of(lease?.initial) ?? max, max, step: of(lease?.step) ?? 0 };
}

/** What in a template's rules contradicts the rest, if anything does. */
export function termsFault(
  lease: LeaseTerms,
): { readonly field: "initial"; readonly message: string; readonly suggestion: string } | undefined {
  const { initial, max } = termsOf(lease);
  if (max === 0 || (initial > 0 && initial <= max)) return undefined;
  const suggestion = 'Leave "initial" out, which gives new clusters the maximum, or lower it.';
  return initial === 0
    ? {
        field: "initial",
        message: `A lease without end is longer than the maximum of ${formatLease(max)}.`,
        suggestion,
      }
    : {
        field: "initial",
        message: `The initial lease of ${formatLease(initial)} is longer than the maximum of ${formatLease(max)}.`,
        suggestion,
      };
}

function refused(message: string, field: string, description: string): LoomError {
  return new LoomError("INVALID_LEASE", message, { violations: [{ field, description }] });
}

/**
 * How long a new cluster lives; 0 for ever.
 *
 * @param requested undefined for what the template says, 0 for ever
 * @throws INVALID_LEASE
 */
export function initialLease(terms: Terms, requested: number | undefined): number {
  if (requested === undefined) return terms.initial;
  if (!Number.isInteger(requested) || requested < 0 || requested > LONGEST_LEASE)
    throw refused(
      `A lease is from 1s to ${formatLease(LONGEST_LEASE)}, or 0 for ever.`,
      "lease_seconds",
      `must be 0 to ${LONGEST_LEASE / 1000}`,
    );
  if (terms.initial === 0) return requested;
  if (requested === 0 || requested > terms.initial) {
    const most = formatLease(terms.initial);
    throw refused(
      `A new cluster of this template may have a lease of at most ${most}, not ${requested === 0 ? "one without end" : formatLease(requested)}. It can be extended later.`,
      "lease_seconds",
      `must be 1 to ${terms.initial / 1000}`,
    );
  }
  return requested;
}

/** The end that is asked for. */
export type LeaseChange =
  | { readonly to: "time"; readonly expireTime: number }
  /** So much after the present end. */
  | { readonly to: "later"; readonly by: number }
  | { readonly to: "never" };

export interface Leased {
  readonly createTime: number;
  /** Undefined: never. */
  readonly expireTime: number | undefined;
}

/**
 * The new end of a lease; undefined for never. It may always come earlier; it may come later by at most `step` at once,
 * and no later than `max` after the creation. A lease that is over is extended from now on.
 *
 * @throws INVALID_LEASE
 */
export function changeLease(terms: Terms, lease: Leased, change: LeaseChange, now: number): number | undefined {
  const { createTime, expireTime } = lease;
  if (change.to === "never") {
    if (expireTime === undefined) return undefined;
    if (terms.max === 0 && terms.step === 0) return undefined;
    throw refused(
      `The template does not allow a lease without end. It allows ${rulesInWords(terms)}.`,
      "forever",
      "is not allowed",
    );
  }
  const base = expireTime === undefined ? undefined : Math.max(expireTime, now);
  let wanted: number;
  if (change.to === "later") {
    if (!Number.isInteger(change.by) || change.by < 1)
      throw refused("A lease is extended by one second or more.", "extend_seconds", "must be 1 or more");
    if (base === undefined)
      throw refused(
        "This cluster lives for ever: there is no end that could be moved. Give it an end with a time.",
        "extend_seconds",
        "needs a lease that ends",
      );
    wanted = base + change.by;
  } else {
    wanted = change.expireTime;
    if (!(wanted > now))
      throw refused(
        `${timeText(wanted)} is past. To be rid of the cluster now, delete it.`,
        "expire_time",
        "must lie ahead",
      );
  }
  if (wanted - now > LONGEST_LEASE)
    throw refused(
      `A lease ends at most ${formatLease(LONGEST_LEASE)} from now.`,
      change.to === "later" ? "extend_seconds" : "expire_time",
      "is too far ahead",
    );
  if (expireTime !== undefined && wanted <= expireTime) return wanted;
  const field = change.to === "later" ? "extend_seconds" : "expire_time";
  if (terms.max > 0 && wanted > createTime + terms.max) {
    throw refused(
      `A cluster of this template may live for ${formatLease(terms.max)} in all, so until ${timeText(createTime + terms.max)}.`,
      field,
      `must end at ${timeText(createTime + terms.max)} or before`,
    );
  }
  // To give an end to what had none takes time away, whatever the step.
  if (base !== undefined && terms.step > 0 && wanted - base > terms.step) {
    throw refused(
      `A lease of this template may be extended by at most ${formatLease(terms.step)} at once, so now until ${timeText(base + terms.step)}.`,
      field,
      `must end at ${timeText(base + terms.step)} or before`,
    );
  }
  return wanted;
}

function rulesInWords({ max, step }: Terms): string {
  return [
    ...(max > 0 ? [`${formatLease(max)} in all`] : []),
    ...(step > 0 ? [`steps of at most ${formatLease(step)}`] : []),
  ].join(", in ");
}

/** `2026-03-01 12:00:00 UTC`. */
export function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * When to warn that a lease ends: a tenth of it before, at least 10 minutes and at most a day, but never in its first
 * half.
 */
export function warnTime(from: number, until: number): number {
  const whole = Math.max(0, until - from);
  return until - Math.floor(Math.min(whole / 2, DAY, Math.max(whole / 10, 10 * MINUTE)));
}

/** Milliseconds until the next try after `tries` tries to delete an expired cluster: twice as many each time, at most an hour. */
export function retryDelay(tries: number, passMs: number): number {
  return Math.min(passMs * 2 ** Math.min(tries - 1, 20), Math.max(60 * MINUTE, passMs));
}
