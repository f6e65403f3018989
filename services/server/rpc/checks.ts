/** How the fields of requests are checked: a rule for each field, all violations told at once. */
import { LoomError, type FieldViolation, type Reason } from "../../common/errors.js";

/** A rule for one field. */
export interface Rule<Value> {
  /** What is wrong with the value, undefined where nothing is. */
  check(value: Value): string | undefined;
  /** Of the error where only fields with this reason are wrong; INVALID_FIELD where absent. */
  readonly reason?: Reason;
}

/** A rule for every field of a message. */
export type Rules<Message> = { readonly [Field in keyof Message]-?: Rule<Message[Field]> };

/** Anything goes, or the value is checked where it is parsed. */
export const anything: Rule<unknown> = { check: () => undefined };

/** Text of at most so many characters. */
export function text(max: number): Rule<string> {
  return {
    check: (value) => (value.length > max ? `must have at most ${max} characters, and has ${value.length}` : undefined),
  };
}

/** Text of 1 to so many characters. */
export function needed(max: number): Rule<string> {
  return { check: (value) => (value === "" ? "must be given" : text(max).check(value)) };
}

/** Text of a pattern. */
export function pattern(expression: RegExp, words: string, reason?: Reason): Rule<string> {
  return {
    check: (value) => (expression.test(value) ? undefined : `must be ${words}`),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** A whole number of a range. */
export function between(min: number, max: number, reason?: Reason): Rule<number> {
  const words = max === MAX_INT32 ? `must be at least ${min}` : `must be from ${min} to ${max}`;
  return {
    check: (value) => (value < min || value > max ? `${words}, and is ${value}` : undefined),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** A value that may be absent, else as the rule says. */
export function optional<Value>(rule: Rule<Value>): Rule<Value | undefined> {
  return { ...rule, check: (value) => (value === undefined ? undefined : rule.check(value)) };
}

export const MAX_INT32 = 2_147_483_647;

/** A list of at most so many elements, each checked. */
export function list<Element>(max: number, element: Rule<Element>, min = 0): Rule<Element[]> {
  return {
    check(values) {
      if (values.length < min) return `must have at least ${min} element${min === 1 ? "" : "s"}`;
      if (values.length > max) return `must have at most ${max} elements, and has ${values.length}`;
      for (const [index, value] of values.entries()) {
        const wrong = element.check(value);
        if (wrong !== undefined) return `element ${index} ${wrong}`;
      }
      return undefined;
    },
  };
}

/** Values of an enum that this server knows. */
export function known<Wire extends number>(pair: { fromWire(value: Wire): unknown }): Rule<Wire> {
  return {
    check: (value) =>
      pair.fromWire(value) === undefined ? `must be one that this server knows, and is ${value}` : undefined,
  };
}

const snakeCase = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Throws where fields break their rules: INVALID_FIELD, or the one reason that all of them share. */
export function checkFields<Message extends object>(message: Message, rules: Rules<Message>): void {
  const violations: FieldViolation[] = [];
  const reasons = new Set<Reason>();
  for (const [field, rule] of Object.entries(rules) as [keyof Message & string, Rule<unknown>][]) {
    const description = rule.check(message[field]);
    if (description === undefined) continue;
    violations.push({ field: snakeCase(field), description });
    reasons.add(rule.reason ?? "INVALID_FIELD");
  }
  if (violations.length === 0) return;
  const reason = reasons.size === 1 ? [...reasons][0]! : "INVALID_FIELD";
  const sentences = violations.map(({ field, description }) => `${field} ${description}`).join("; ");
  throw new LoomError(reason, `The request is not right: ${sentences}.`, {
    violations,
    metadata: { field: violations[0]!.field },
  });
}
