/** Exact decimals: prices are never floating point numbers. Pure. */

/** `units / 10^scale`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

/** A decimal of digits, with at most 12 before and 12 after the dot; undefined where the text is none. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) return undefined;
  const [, whole, part = ""] = match;
  return { units: BigInt(whole! + part), scale: part.length };
}

function scaled({ units, scale }: Decimal, to: number): bigint {
  return units * 10n ** BigInt(to - scale);
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: scaled(a, scale) + scaled(b, scale), scale };
}

/** @param factor a whole number */
export function times(a: Decimal, factor: number): Decimal {
  return { units: a.units * BigInt(factor), scale: a.scale };
}

/** With two places at least and no more zeros than that: `0.36`, `12.00`, `0.125`. */
export function formatDecimal(value: Decimal): string {
  const scale = Math.max(value.scale, 2);
  const digits = scaled(value, scale)
    .toString()
    .padStart(scale + 1, "0");
  const part = digits.slice(-scale).replace(/0+$/, "").padEnd(2, "0");
  return `${digits.slice(0, -scale)}.${part}`;
}
