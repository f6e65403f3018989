/** Durations of leases as documents write them. Pure. */

const SECOND = 1000;
export const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const UNITS: Readonly<Record<string, number>> = { d: DAY, h: HOUR, m: MINUTE, s: SECOND };

/** The longest lease, in milliseconds: ten years. */
export const LONGEST_LEASE = 3650 * DAY;

/** Milliseconds of a text such as `90m`, `8h`, `1d12h` or `0`; undefined where it is none, or above {@link LONGEST_LEASE}. */
export function parseLease(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d{1,9}[dhms])+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([dhms])/g)) total += Number(amount) * UNITS[unit!]!;
  return total > LONGEST_LEASE ? undefined : total;
}

/** The text of milliseconds, in whole seconds, largest unit first: `1d12h`, `1h30m`; `0s` for nothing. */
export function formatLease(milliseconds: number): string {
  let rest = Math.floor(milliseconds / SECOND) * SECOND;
  let text = "";
  for (const [unit, size] of Object.entries(UNITS)) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text === "" ? "0s" : text;
}
