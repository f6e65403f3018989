/** Requests that are no RPC of the contract: health, the console's files, and what is not there. */
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import { LoomError } from "../services/common/errors.js";
import { toConnectError } from "./errors.js";
import type { HttpHandler, HttpRequest, HttpResponse } from "./listener.js";

export interface FallbackOptions {
  /** True where the server answers. */
  serving(): Promise<boolean>;
  /** Serves the console; undefined where there is none. */
  readonly files: HttpHandler | undefined;
}

const UNIMPLEMENTED = 12;

export function createFallback({ serving, files }: FallbackOptions): HttpHandler {
  return (request, response) => {
    const path = pathOf(request);
    if (path === "/healthz") {
      void serving().then((healthy) =>
        reply(response, healthy ? 200 : 503, "text/plain; charset=utf-8", healthy ? "SERVING\n" : "NOT_SERVING\n"),
      );
    } else if (request.method === "POST" || files === undefined) {
      notThere(request, response, path);
    } else {
      files(request, response);
    }
  };
}

export function pathOf(request: HttpRequest): string {
  return (request.url ?? "/").split("?", 1)[0]!;
}

/** Answers in the words of the protocol that was spoken. */
function notThere(request: HttpRequest, response: HttpResponse, path: string): void {
  const shown = path.length > 200 ? `${path.slice(0, 200)}...` : path;
  const error = new LoomError(
    "UNIMPLEMENTED",
    `There is no call ${shown}. \`buf curl --list-methods\` lists those there are.`,
    { metadata: { path: shown } },
  );
  const type = request.headers["content-type"] ?? "";
  if (/^application\/grpc(-web)?(\+|;|$)/.test(type)) {
    response.writeHead(200, {
      "content-type": type,
      "grpc-status": String(UNIMPLEMENTED),
      "grpc-message": encodeURIComponent(error.message),
    });
    response.end();
    return;
  }
  reply(response, 404, "application/json", JSON.stringify(errorToJson(toConnectError(error, ""), undefined)));
}

/** A short answer, whole. */
export function reply(response: HttpResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(body);
}
