/**
 * What an inventory says of the nodes that should be there. Pure.
 *
 * One odd answer changes nothing for the worse: a container that is just restarted, or a daemon that has not read all
 * of its machines yet, would flap. What looks worse than before must be said twice; what looks better is believed.
 */

/** What is known for sure of a node. */
export type Finding = "UP" | "DOWN" | "MISSING";

/** A node whose machine should be there and run. */
export interface ExpectedNode {
  readonly number: number;
  readonly incarnation: number;
  /** Of the machine of this incarnation. */
  readonly token: string;
  /** The provider's own name of the machine; empty where it was not told. */
  readonly machine: string;
}

/** Whether a machine runs, by token. Machines that are not in it do not exist. */
export type Inventory = ReadonlyMap<string, { readonly running: boolean }>;

/** Findings by node number. */
export type Findings = ReadonlyMap<number, Finding>;

const SEVERITY: Readonly<Record<Finding, number>> = { UP: 0, DOWN: 1, MISSING: 2 };

/**
 * What one answer says, by node number.
 *
 * @param silent names of machines that do not say whose they are; one of them that should carry a node is no proof that
 *   the node has none
 */
export function findingsOf(
  nodes: readonly ExpectedNode[],
  inventory: Inventory,
  silent: ReadonlySet<string>,
): Map<number, Finding> {
  return new Map(
    nodes.map(({ number, token, machine: name }) => {
      const machine = inventory.get(token);
      if (machine === undefined) return [number, silent.has(name) ? "DOWN" : "MISSING"];
      return [number, machine.running ? "UP" : "DOWN"];
    }),
  );
}

/**
 * Whether the answer says something worse of any node than was known, so that the provider has to be asked again.
 *
 * @param before what was known; a node that is not in it was up as far as anybody knows
 */
export function isWorse(before: Findings, answer: Findings): boolean {
  return [...answer].some(([number, finding]) => SEVERITY[finding] > SEVERITY[before.get(number) ?? "UP"]);
}

/**
 * What holds after a look.
 *
 * @param second what the provider said when it was asked again; undefined where it was not, or did not answer
 */
export function settle(before: Findings, first: Findings, second: Findings | undefined): Map<number, Finding> {
  return new Map(
    [...first].map(([number, finding]) => {
      const known = before.get(number) ?? "UP";
      if (SEVERITY[finding] <= SEVERITY[known]) return [number, finding];
      const again = second?.get(number) ?? known;
      return [number, SEVERITY[again] < SEVERITY[finding] ? again : finding];
    }),
  );
}
