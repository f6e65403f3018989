/** Durations as people type and read them. */
import { badInput } from "./exit.js";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST = 365 * 86_400_000;

/**
 * Milliseconds of a text like `90s`, `10m`, `1h30m` or `500ms`; a bare number means seconds.
 *
 * @param option the flag, for the message
 * @throws CliError where the text is no duration, is zero or exceeds a year
 */
export function parseDuration(text: string, option = "--timeout"): number {
  const trimmed = text.trim().toLowerCase();
  let total = 0;
  if (/^\d+(\.\d+)?$/.test(trimmed)) total = Number(trimmed) * 1000;
  else if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) {
    for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
      total += Number(amount) * UNITS[unit!]!;
  } else throw badInput(`${option} ${text} is not a duration.`, "Write it like 90s, 10m, 1h30m or 2d.");
  if (total <= 0 || total > LONGEST)
    throw badInput(`${option} ${text} is out of range.`, "Give more than zero and at most 365d.");
  return Math.round(total);
}

/** A duration in at most two units: `8s`, `1m 12s`, `2h 3m`, `4d 1h`. Never negative. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m ${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days}d` : `${days}d ${hours % 24}h`;
}

/** How long ago, in one unit: `just now`, `42s ago`, `3m ago`, `5h ago`, `12d ago`; a future moment is `in 3m`. */
export function formatAgo(then: number, now: number): string {
  const away = Math.abs(now - then);
  if (away < 1000) return "just now";
  const [unit, size] =
    away < 60_000
      ? ["s", 1000]
      : away < 3_600_000
        ? ["m", 60_000]
        : away < 86_400_000
          ? ["h", 3_600_000]
          : ["d", 86_400_000];
  const text = `${Math.floor(away / (size as number))}${unit}`;
  return then <= now ? `${text} ago` : `in ${text}`;
}
