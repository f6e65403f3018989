/**
 * The fractional cover: how few nodes carry every item as often as needed if nodes could be split. Revised simplex
 * with columns made when they are wanted (Gilmore and Gomory 1961). Floating point is used for good guesses only:
 * cover.ts proves or rounds in whole numbers whatever comes out of here. Pure.
 */
import type { Budget } from "./budget.js";
import { heaviest } from "./heaviest.js";
import type { Packing } from "./packing.js";

export interface Fractional {
  /** Per item the price of one more need of it, 0 where it has none. */
  readonly prices: Float64Array;
  /** Sets of items and how many nodes carry exactly these. */
  readonly parts: readonly { readonly members: readonly number[]; readonly amount: number }[];
}

const EPSILON = 1e-7;

/**
 * @param needs per item, 0 and more
 * @param known sets that were good before; new ones are added
 */
export function fractionalCover(
  packing: Packing,
  needs: readonly number[],
  known: (readonly number[])[],
  budget: Budget,
): Fractional {
  const items: number[] = [];
  for (let item = 0; item < packing.count; item += 1) if (needs[item]! > 0) items.push(item);
  const rows = items.length;
  const rowOf = new Int32Array(packing.count).fill(-1);
  for (const [row, item] of items.entries()) rowOf[item] = row;

  // The basis: in each row a set of items, or undefined for carrying an item more often than needed.
  const basis: (readonly number[] | undefined)[] = items.map((item) => [item]);
  const inverse = new Float64Array(rows * rows);
  const amounts = new Float64Array(rows);
  for (const [row, item] of items.entries()) {
    inverse[row * rows + row] = 1;
    amounts[row] = needs[item]!;
  }
  const prices = new Float64Array(packing.count);
  const direction = new Float64Array(rows);

  // Degenerate inputs could go round in a circle; what is there after so many rounds is good enough.
  for (let round = 0; round < 50 + 20 * rows; round += 1) {
    budget.spend(1 + (rows >> 2));
    let cheapest = -EPSILON;
    let surplus = -1;
    for (let column = 0; column < rows; column += 1) {
      let price = 0;
      for (let row = 0; row < rows; row += 1) if (basis[row] !== undefined) price += inverse[row * rows + column]!;
      prices[items[column]!] = price;
      if (price < cheapest) {
        cheapest = price;
        surplus = column;
      }
    }
    let entering: readonly number[] | undefined;
    direction.fill(0);
    if (surplus !== -1) {
      for (let row = 0; row < rows; row += 1) direction[row] = -inverse[row * rows + surplus]!;
    } else {
      entering = dearest(packing, prices, known, budget);
      if (entering === undefined) break;
      for (const item of entering) {
        const column = rowOf[item]!;
        if (column === -1) continue;
        for (let row = 0; row < rows; row += 1) direction[row]! += inverse[row * rows + column]!;
      }
    }
    let leaving = -1;
    let ratio = Number.POSITIVE_INFINITY;
    for (let row = 0; row < rows; row += 1) {
      if (direction[row]! < EPSILON) continue;
      const at = amounts[row]! / direction[row]!;
      if (at < ratio - 1e-12 || (at < ratio + 1e-12 && leaving !== -1 && direction[row]! > direction[leaving]!)) {
        ratio = at;
        leaving = row;
      }
    }
    if (leaving === -1) break;
    pivot(inverse, amounts, direction, leaving, rows);
    basis[leaving] = entering;
  }
  for (const item of items) prices[item] = Math.max(0, prices[item]!);
  return {
    prices,
    parts: basis.flatMap((members, row) =>
      members === undefined || amounts[row]! <= EPSILON ? [] : [{ members, amount: amounts[row]! }],
    ),
  };
}

/** A set worth more than one node, from those known if they hold one. */
function dearest(
  packing: Packing,
  prices: Float64Array,
  known: (readonly number[])[],
  budget: Budget,
): readonly number[] | undefined {
  let best: readonly number[] | undefined;
  let most = 1 + EPSILON;
  for (const members of known) {
    let price = 0;
    for (let index = 0; index < members.length; index += 1) price += prices[members[index]!]!;
    if (price > most) {
      most = price;
      best = members;
    }
  }
  if (best !== undefined) return best;
  const found = heaviest(packing, prices, most, budget)?.members;
  if (found !== undefined) known.push(found);
  return found;
}

function pivot(
  inverse: Float64Array,
  amounts: Float64Array,
  direction: Float64Array,
  leaving: number,
  rows: number,
): void {
  const divisor = direction[leaving]!;
  const base = leaving * rows;
  for (let column = 0; column < rows; column += 1) inverse[base + column]! /= divisor;
  amounts[leaving]! /= divisor;
  for (let row = 0; row < rows; row += 1) {
    const factor = direction[row]!;
    if (row === leaving || factor === 0) continue;
    for (let column = 0; column < rows; column += 1) inverse[row * rows + column]! -= factor * inverse[base + column]!;
    amounts[row] = Math.max(0, amounts[row]! - factor * amounts[leaving]!);
  }
}
