/**
 * Machines that nobody owns. Pure.
 *
 * A machine is this Loom's where its token proves it: the token is made of the UUID of a cluster, which only the Loom
 * that made the cluster knows, the number of a node of it and an incarnation that the node has had. So Looms that share
 * a provider never touch each other's machines, whatever their folders are called.
 *
 * It is a stray where no job will ever want this token again: its cluster is gone, its node is gone, or the node has
 * another machine now. None of that is ever taken back, so an order to remove a stray stays right however late it is
 * carried out. Where a job of the cluster has not ended, nothing is decided.
 */
import { machineToken } from "../../common/ids.js";

/** A cluster as far as its machines go. */
export interface MachineOwner {
  readonly uid: string;
  /** TERMINATED: nothing of it should be left. */
  readonly isGone: boolean;
  /** A job has not ended. */
  readonly isBusy: boolean;
  /** Every node it ever had, by number. */
  readonly nodes: ReadonlyMap<number, OwnedNode>;
}

export interface OwnedNode {
  /** The newest. */
  readonly incarnation: number;
  /** DELETED. */
  readonly isGone: boolean;
  /** Older incarnations whose machines still belong to the node. */
  readonly previous: readonly number[];
}

/**
 * - `foreign`: no cluster of this Loom, or a token that this Loom cannot have made as far as it remembers.
 * - `busy`: of a cluster with a job that has not ended.
 */
export type Verdict =
  { readonly kind: "foreign" | "owned" | "busy" } | { readonly kind: "stray"; readonly incarnation: number };

/** @param owner the cluster with the UUID that the machine names; undefined where there is none here */
export function verdictOf(
  machine: { readonly token: string; readonly clusterUid: string; readonly node: number },
  owner: MachineOwner | undefined,
): Verdict {
  const node = owner?.nodes.get(machine.node);
  if (owner === undefined || owner.uid !== machine.clusterUid || node === undefined) return { kind: "foreign" };
  // The newest first: nearly every machine is of that.
  let incarnation = node.incarnation;
  while (incarnation > 0 && machineToken(owner.uid, machine.node, incarnation) !== machine.token) incarnation -= 1;
  if (incarnation === 0) return { kind: "foreign" };
  if (owner.isBusy) return { kind: "busy" };
  const isWanted =
    !owner.isGone && !node.isGone && (incarnation === node.incarnation || node.previous.includes(incarnation));
  return isWanted ? { kind: "owned" } : { kind: "stray", incarnation };
}

/**
 * How long a stray has waited after another look. Only time between two looks of this process counts, by a clock that never jumps, and no
 * more of it than looks are normally apart: neither a wrong wall clock nor a machine that slept ends a grace early.
 *
 * @param before milliseconds it had waited
 * @param sinceLastMs milliseconds since a look of this process that saw it; undefined where there was none
 * @param mostMs the most that one look may add
 */
export function waited(before: number, sinceLastMs: number | undefined, mostMs: number): number {
  return before + Math.max(0, Math.min(sinceLastMs ?? 0, mostMs));
}
