/** Binding the server's address, with errors that say what to do. */
import { chmod, lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { ServerCredentials, type Server } from "@grpc/grpc-js";
import { LoomError } from "../../common/errors.js";

/** The system's own limit for the path of a socket is 108 bytes with its closing zero on Linux, 104 on others. */
const MAX_SOCKET_PATH = 103;

/** Binds `unix:/path` or `host:port` and returns it with the real port. */
export async function bind(server: Server, address: string): Promise<string> {
  const path = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
  if (path !== undefined) await clearPath(path);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else
        reject(
          new LoomError(
            "ADDRESS_IN_USE",
            `The server cannot listen on ${address}: ${error.message}. Stop what listens there, or choose another address.`,
            { metadata: { address }, cause: error },
          ),
        );
    });
  });
  if (path === undefined) return address.replace(/:\d+$/, `:${port}`);
  await chmod(path, 0o600);
  return address;
}

/** Removes the socket file that a killed server left behind; never the one of a server that lives. */
async function clearPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new LoomError(
      "INVALID_FIELD",
      `The path of the server's socket, ${path}, has ${Buffer.byteLength(path)} bytes; the system takes ${MAX_SOCKET_PATH}. Use a data folder with a shorter path.`,
      {
        metadata: { path, limit: String(MAX_SOCKET_PATH) },
      },
    );
  }
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new LoomError("ADDRESS_IN_USE", `${path} is there and is no socket. Remove it, or use another data folder.`, {
      metadata: { address: path },
    });
  }
  if (await answers(path)) {
    throw new LoomError(
      "ADDRESS_IN_USE",
      `Another Loom listens on ${path}. Stop it first, or use another data folder.`,
      { metadata: { address: path } },
    );
  }
  await unlink(path);
}

/** True unless the system says that nobody listens: in doubt the file stays. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}
