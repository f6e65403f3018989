/** A queue between one that gives and one that takes, at two speeds: who gives is told when to pause. */

export interface Conduit<T> extends AsyncIterable<T> {
  /**
   * Puts an element in. Undefined where more may follow at once, otherwise fulfilled when there is room again. What
   * is put in after the end is dropped.
   */
  push(value: T): Promise<void> | undefined;
  /** Nothing more comes; with an error that is thrown to who takes, after the rest. Only the first end counts. */
  end(error?: unknown): void;
  /** Ends at once: what is still in it is dropped. */
  abort(error?: unknown): void;
}

/** @param limit so many elements may be in it before who gives is asked to pause */
export function createConduit<T>(limit: number): Conduit<T> {
  let queue: T[] = [];
  let ended: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  let room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  function makeRoom(): void {
    room?.resolve();
    room = undefined;
  }

  function end(error: unknown): void {
    ended ??= { error };
    makeRoom();
    wake?.();
  }

  return {
    push(value) {
      if (ended !== undefined) return undefined;
      queue.push(value);
      wake?.();
      if (queue.length < limit) return undefined;
      if (room === undefined) {
        let resolve: () => void = () => {};
        const promise = new Promise<void>((done) => (resolve = done));
        room = { promise, resolve };
      }
      return room.promise;
    },
    end,
    abort(error) {
      queue = [];
      end(error);
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          while (queue.length > 0) {
            const value = queue.shift()!;
            if (queue.length < limit) makeRoom();
            yield value;
          }
          if (ended !== undefined) {
            if (ended.error !== undefined) throw ended.error;
            return;
          }
          await new Promise<void>((resolve) => (wake = resolve));
          wake = undefined;
        }
      } finally {
        queue = [];
        end(undefined);
      }
    },
  };
}
