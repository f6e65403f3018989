/** A count of steps instead of a clock, so that a search ends at the same point on every machine. */

/** Thrown by Budget.spend; caught where the search began. */
export class OutOfSteps extends Error {}

export class Budget {
  steps = 0;
  readonly #most: number;

  /** @param most steps that may be spent */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws OutOfSteps */
  spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.#most) throw new OutOfSteps();
  }
}
