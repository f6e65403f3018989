/** Which output of scripts is kept no more: what is too old, and the oldest of what is too much. */

/** What the scripts of one job have printed. */
export interface JobOutput {
  readonly cluster: bigint;
  readonly job: number;
  /** As it is stored. */
  readonly bytes: number;
  /** When the last piece came, in milliseconds since 1970. */
  readonly lastAt: number;
  /** The job has ended; it may be tried again all the same. */
  readonly isOver: boolean;
}

export interface Retention {
  /** Days that output is kept after its last piece came. */
  readonly days: number;
  /** Bytes that are stored at most. Jobs at work keep theirs, even beyond it. */
  readonly bytes: number;
}

export interface Surplus<T> {
  readonly output: T;
  /** What stands in its place. */
  readonly note: string;
}

export const DEFAULT_RETENTION: Retention = { days: 30, bytes: 4 * 1024 ** 3 };

const DAY_MS = 86_400_000;

/** What is to be removed, oldest first. @param now milliseconds since 1970 */
export function surplusOf<T extends JobOutput>(
  outputs: readonly T[],
  { days, bytes }: Retention,
  now: number,
): Surplus<T>[] {
  const surplus: Surplus<T>[] = [];
  let stored = outputs.reduce((sum, output) => sum + output.bytes, 0);
  const over = outputs.filter(({ isOver }) => isOver).sort((a, b) => a.lastAt - b.lastAt);
  for (const output of over) {
    const isOld = output.lastAt < now - days * DAY_MS;
    if (!isOld && stored <= bytes) break;
    const rule = isOld
      ? `for ${days} ${days === 1 ? "day" : "days"}`
      : `up to ${Math.floor(bytes / 1024 ** 2)} MiB in all`;
    surplus.push({ output, note: `The output of this job was removed: output is kept ${rule}.\n` });
    stored -= output.bytes;
  }
  return surplus;
}
