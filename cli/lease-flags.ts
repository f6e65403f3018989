/** Leases and moments as people type them. */
import { LONGEST_LEASE, parseLease } from "../services/server/leases/duration.js";
import { badInput } from "./exit.js";

const FOREVER = ["forever", "never", "0"];

/**
 * Seconds of `8h`, `30d` or `1d12h`; 0 for `forever`.
 *
 * @param what the flag or argument, for the message
 * @throws CliError
 */
export function leaseSeconds(text: string, what: string): number {
  const trimmed = text.trim().toLowerCase();
  if (FOREVER.includes(trimmed)) return 0;
  const milliseconds = parseLease(trimmed);
  if (milliseconds === undefined || milliseconds === 0)
    throw badInput(
      `${what} ${text} is not a duration.`,
      `Write it like 90m, 8h, 1d12h or 30d, at most ${LONGEST_LEASE / 86_400_000}d.`,
    );
  return milliseconds / 1000;
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?\s?(Z|UTC|[+-]\d\d:\d\d)?$/i;

/**
 * Milliseconds since 1970 of `2026-03-01`, `2026-03-01 18:00` or `2026-03-01T18:00:00+01:00`; in UTC where no zone is
 * named, as all times that `loom` prints.
 *
 * @throws CliError
 */
export function timeOf(text: string, what: string): number {
  const [, day, clock = "00:00", zone = "Z"] = TIME.exec(text.trim()) ?? [];
  const time = Date.parse(`${day}T${clock}${/^utc$/i.test(zone) ? "Z" : zone.toUpperCase()}`);
  // A day that does not exist, such as 30 February, is not the one after it.
  if (day === undefined || Number.isNaN(time) || Number.isNaN(Date.parse(day)) || !isDay(day))
    throw badInput(
      `${what} ${text} is not a time.`,
      'Write it like "2026-03-01 18:00" (UTC) or 2026-03-01T18:00:00+01:00.',
    );
  return time;
}

function isDay(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
