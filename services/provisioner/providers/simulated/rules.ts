/** Fault rules of simulated providers: which calls go wrong, and how. Pure, but for nothing: the world counts. */
import { LoomError } from "../../../common/errors.js";
import type { JournalLine } from "./journal.js";

const FAULTS = ["fail", "hang", "loseAnswer", "landLate", "unreachable"] as const;

/**
 * - `fail`: nothing is done, the call fails (an action ends with exit code 1).
 * - `hang`: nothing is done and there is no answer until the caller gives up.
 * - `loseAnswer`: it is done, but the caller is told of a broken connection.
 * - `landLate`: the caller is told so at once, and it is done `lateMs` later.
 * - `unreachable`: nothing is done, the provider cannot be reached.
 */
export type Fault = (typeof FAULTS)[number];

export interface FaultRule {
  readonly fault: Fault;
  /** CREATE, CONFIRM, DELETE, BOOTSTRAP, INSTALL, ...; absent or `*` for every one. */
  readonly action?: string;
  readonly node?: number;
  readonly service?: string;
  /** The cluster's UUID. */
  readonly cluster?: string;
  /** Strikes from the n-th matching call on since the rule was first seen; 1 where absent. */
  readonly nth?: number;
  /** So many times; 1 where absent, `always` for ever. */
  readonly times?: number | "always";
  /** Instead of `times`: for so many milliseconds after it first struck. */
  readonly forMs?: number;
  /** Of landLate; 1000 where absent. */
  readonly lateMs?: number;
  /** Of fail: another try is said to have no sense. */
  readonly permanent?: boolean;
  /** Tells two equal rules apart. */
  readonly id?: string;
}

/** What is known of a rule so far. */
export interface RuleUse {
  readonly rule: FaultRule;
  calls: number;
  strikes: number;
  /** Wall clock of the first strike. */
  firstAt: number | undefined;
}

/** Rules from a provider field or a file: a list, or an object with the list as `rules`. @throws INVALID_CONFIG */
export function parseRules(value: unknown): FaultRule[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : (value as { rules?: unknown }).rules;
  if (!Array.isArray(list)) throw wrong("it is no list and has no list `rules`");
  return list.map((rule: unknown) => {
    if (typeof rule !== "object" || rule === null) throw wrong("a rule is no object");
    if (!FAULTS.includes((rule as FaultRule).fault))
      throw wrong(`the fault "${String((rule as FaultRule).fault)}" is not one of ${FAULTS.join(", ")}`);
    return rule as FaultRule;
  });
}

/** The same for the same rule; what the journal counts under. */
export function ruleKey(rule: FaultRule): string {
  return rule.id ?? JSON.stringify(rule);
}

/** Whether the rule is about this call. */
export function matches(rule: FaultRule, call: Partial<JournalLine>): boolean {
  return (
    (rule.action === undefined || rule.action === "*" || rule.action === call.action) &&
    (rule.node === undefined || rule.node === call.node) &&
    (rule.service === undefined || rule.service === call.service) &&
    (rule.cluster === undefined || rule.cluster === call.cluster)
  );
}

/** Whether the rule strikes the call that was just counted. */
export function strikes({ rule, calls, strikes: so, firstAt }: RuleUse, now: number): boolean {
  if (calls < (rule.nth ?? 1)) return false;
  if (rule.forMs !== undefined) return firstAt === undefined || now - firstAt < rule.forMs;
  return rule.times === "always" || so < (rule.times ?? 1);
}

function wrong(what: string): LoomError {
  return new LoomError("INVALID_CONFIG", `The fault rules of the simulated provider cannot be used: ${what}.`);
}
