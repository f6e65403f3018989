/** "Did you mean": the known name nearest to one that is not known. */

/**
 * Edit distance with neighbours swapped counting as one (optimal string alignment), at most `limit + 1`.
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    if (Math.min(...row) > limit) return limit + 1;
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** Without case and separators, so that `hardware_type` and `hardwaretype` meet `hardwareType`. */
function folded(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Longer texts are no misspelt names, and comparing them costs too much. */
const LONGEST = 64;

/**
 * The nearest of the known names, or undefined where none is near: equal but for case and separators, or at most one
 * edit for every three characters. Of equally near ones the first.
 */
export function closest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST) return undefined;
  let limit = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  for (const candidate of known) {
    if (candidate === name || candidate.length > LONGEST) continue;
    if (folded(candidate) === folded(name) && folded(name) !== "") return candidate;
    if (limit < 1) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), limit);
    if (distance > limit) continue;
    best = candidate;
    limit = distance - 1;
  }
  return best;
}

/** `Did you mean "web"?`, or empty. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const best = closest(name, known);
  return best === undefined ? "" : `Did you mean "${best}"?`;
}
