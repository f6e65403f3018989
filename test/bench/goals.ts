/** What Loom is to reach, and what is known of the system it follows. */
export const GOALS = {
  /** Of 10,000 nodes. */
  layoutMs: 50,
  /** Of 10,000 nodes. */
  planMs: 1500,
  /** Or more. */
  tasksPerSecond: 1000,
  /** Of requests that list. */
  listP99Ms: 50,
} as const;

/**
 * Tasks a second of the older provisioning system that Loom follows (a Java server, workers that answer at once). Known
 * figures of another machine, not measured again: they stand beside Loom's, and no ratio is made of them.
 */
export const OLDER_SYSTEM: readonly { readonly nodes: number; readonly least: number; readonly most: number }[] = [
  { nodes: 100, least: 11, most: 21 },
  { nodes: 1000, least: 7, most: 7 },
];
