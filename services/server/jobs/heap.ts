/** A binary heap of small integers, smallest first. Tasks are handed out in the order of their numbers. */
export interface NumberHeap {
  readonly size: number;
  push(value: number): void;
  /** The smallest, or undefined where it is empty. */
  pop(): number | undefined;
}

export function createNumberHeap(): NumberHeap {
  const items: number[] = [];
  return {
    get size() {
      return items.length;
    },
    push(value) {
      let index = items.length;
      items.push(value);
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (items[parent]! <= value) break;
        items[index] = items[parent]!;
        index = parent;
      }
      items[index] = value;
    },
    pop() {
      const smallest = items[0];
      const last = items.pop();
      if (smallest === undefined || last === undefined || items.length === 0) return smallest;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && items[child + 1]! < items[child]!) child += 1;
        if (items[child]! >= last) break;
        items[index] = items[child]!;
        index = child;
      }
      items[index] = last;
      return smallest;
    },
  };
}
