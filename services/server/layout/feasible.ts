/** Whether a model has any solution, without looking for the most preferred one. Pure. */
import type { Cover } from "./cover.js";
import type { Model } from "./model.js";

/** What is left to lay out: nodes, and per item on how many of them it must and may be. */
export interface Rest {
  readonly nodes: number;
  readonly needs: readonly number[];
  readonly rooms: readonly number[];
}

/**
 * True where the rest can be laid out. Since every part of a set that can be together can be together too, covering
 * what is needed is all it takes, with two conditions: nothing is needed more often than it may be, and the rooms are
 * enough to leave no node empty. For the second: where nodes are empty in a cover that carries nothing more often than
 * needed, an item below its room can be added to one; if all rooms are used up and reach for all nodes, some node
 * carries several items, and one of them can move.
 */
export function isFeasible(model: Model, rest: Rest, cover: Cover): boolean {
  const { nodes, needs, rooms } = rest;
  if (nodes < 0 || needs.some((need, item) => need > rooms[item]!)) return false;
  if (
    rooms.some((room) => room < 0) ||
    (nodes > 0 && (model.hardwareTypes.length === 0 || model.imageTypes.length === 0))
  )
    return false;
  return spareRoom(model, rest) >= 0 && cover.fits(needs, nodes);
}

/** How far the rooms of all items exceed the nodes; Infinity where a node needs no item, since other services are on it. */
export function spareRoom(model: Model, { nodes, rooms }: Pick<Rest, "nodes" | "rooms">): number {
  return model.everywhere.length > 0 ? Number.POSITIVE_INFINITY : rooms.reduce((sum, room) => sum + room, 0) - nodes;
}

/** The whole of a model. */
export function wholeOf(model: Model): Rest {
  return { nodes: model.size, needs: model.items.map((item) => item.min), rooms: model.items.map((item) => item.max) };
}

/** True where the model has a solution. @throws OutOfSteps */
export function hasSolution(model: Model, cover: Cover): boolean {
  return (model.size > 0 || !model.needsNode) && isFeasible(model, wholeOf(model), cover);
}
