/** Words of the layout solver. Everything in this folder is pure. */

/** A kind of node: hardware, image, and the services on it in code point order. */
export interface NodeLayout {
  readonly hardwareType: string;
  readonly imageType: string;
  readonly services: readonly string[];
}

/** So many nodes of one kind. */
export interface NodeGroup extends NodeLayout {
  readonly count: number;
}

/** How many nodes a service may be on. */
export interface Quantity {
  readonly min: number;
  /** Infinity for no limit. */
  readonly max: number;
}

/** A layout to find: all names resolved, all dependencies checked. */
export interface LayoutProblem {
  /** Nodes in all, 1 to 10,000. */
  readonly size: number;
  readonly services: readonly string[];
  readonly hardwareTypes: readonly string[];
  readonly imageTypes: readonly string[];
  readonly mustCoexist: readonly (readonly string[])[];
  readonly cantCoexist: readonly (readonly string[])[];
  /** Only services with constraints of their own; every other service has {min: 1, max: Infinity}. */
  readonly quantities: Readonly<Record<string, Quantity>>;
  /** Services bound to certain hardware types. */
  readonly hardwareOf: Readonly<Record<string, readonly string[]>>;
  /** Services bound to certain image types by a constraint of the template. */
  readonly imagesOf: Readonly<Record<string, readonly string[]>>;
  /** Services whose actions have variants for certain image types only; told apart from `imagesOf` in explanations. */
  readonly variantsOf: Readonly<Record<string, readonly string[]>>;
  /** Nodes that are there and stay as they are; they count in `size` and in the quantities. */
  readonly fixed?: readonly NodeGroup[];
}

/** One constraint in words, for explanations of what cannot be solved. */
export interface ConstraintInWords {
  readonly kind: "size" | "min" | "max" | "mustCoexist" | "cantCoexist" | "hardware" | "image" | "variant";
  readonly services: readonly string[];
  /** For example `"web" is on at most 2 nodes`. */
  readonly text: string;
}

export type LayoutResult =
  /** `groups` in preference order, only those with count > 0; fixed nodes are not among them. */
  | { readonly outcome: "solved"; readonly groups: readonly NodeGroup[]; readonly steps: number }
  /** An irreducible set: drop any one and the rest can be solved. */
  | { readonly outcome: "unsatisfiable"; readonly conflict: readonly ConstraintInWords[]; readonly sentence: string }
  /** The step budget ran out. */
  | { readonly outcome: "tooHard"; readonly steps: number; readonly sentence: string };
