/** Streams of grpc-js that are read no faster than their messages are taken, and written no faster than they are sent. */
import { createConduit } from "./conduit.js";

/** What the streams of both sides of grpc-js have in common. */
export interface MessageStream<In, Out> {
  on(event: "data", listener: (message: In) => void): unknown;
  on(event: "end" | "close" | "drain" | "cancelled", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
  write(message: Out): boolean;
}

/** Messages that may wait for who takes them. */
const WAITING = 4;

export interface Messages<In, Out> {
  /** What comes in. Throws what the stream fails with. */
  readonly incoming: AsyncIterable<In>;
  /** Fulfilled when more may be sent, or when the stream is over. */
  send(message: Out): Promise<void>;
  /** Ends `incoming` at once. */
  abort(error?: unknown): void;
}

/** @param cancelled what a stream fails with that the other side cancelled */
export function messagesOf<In, Out>(stream: MessageStream<In, Out>, cancelled: () => Error): Messages<In, Out> {
  const conduit = createConduit<In>(WAITING);
  let drained: (() => void)[] = [];
  let over = false;
  const release = (): void => {
    const waiting = drained;
    drained = [];
    for (const resolve of waiting) resolve();
  };
  const finish = (error?: Error): void => {
    over = true;
    conduit.end(error);
    release();
  };
  stream.on("data", (message) => {
    const wait = conduit.push(message);
    if (wait === undefined) return;
    stream.pause();
    void wait.then(() => stream.resume());
  });
  stream.on("drain", release);
  // The other side may still read after it has said its last.
  stream.on("end", () => conduit.end());
  stream.on("error", finish);
  stream.on("cancelled", () => finish(cancelled()));
  stream.on("close", () => finish());
  return {
    incoming: conduit,
    send(message) {
      if (over || stream.write(message)) return Promise.resolve();
      return new Promise((resolve) => drained.push(resolve));
    },
    abort: (error) => conduit.abort(error),
  };
}
