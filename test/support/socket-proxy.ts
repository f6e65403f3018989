/** A unix socket in front of another one, that can be cut: what a daemon looks like that was stopped. */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface SocketProxy {
  /** Takes connections; a second time after a cut. */
  open(): Promise<void>;
  /** Breaks every connection and takes no more. */
  cut(): Promise<void>;
}

/** Passes connections to `path` on to the socket `target`, from `open` on. */
export function socketProxy(target: string, path: string): SocketProxy {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  return {
    async open() {
      const opened = createServer({ allowHalfOpen: true }, (client) => {
        const behind = connect({ path: target, allowHalfOpen: true });
        for (const [from, to] of [
          [client, behind],
          [behind, client],
        ] as const) {
          sockets.add(from);
          from.on("error", () => to.destroy()).on("close", () => sockets.delete(from));
          from.pipe(to);
        }
      });
      server = opened;
      await new Promise<void>((resolve) => opened.listen(path, resolve));
    },
    async cut() {
      const closing = server;
      if (closing === undefined) return;
      server = undefined;
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
