/** Cross-origin calls from browsers, for the origins that a site names. Nobody's by default. */
import { cors } from "@connectrpc/connect";
import { REQUEST_ID_KEY } from "../services/common/caller-metadata.js";
import type { HttpHandler } from "./listener.js";

/** @param origins allowed ones, for example `https://console.example.org`; none leaves the handler as it is */
export function withCors(handler: HttpHandler, origins: readonly string[]): HttpHandler {
  if (origins.length === 0) return handler;
  return (request, response) => {
    const origin = request.headers.origin ?? "";
    response.setHeader("vary", "origin");
    if (origins.includes(origin)) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", [...cors.exposedHeaders, REQUEST_ID_KEY].join(", "));
    }
    if (request.method !== "OPTIONS") return handler(request, response);
    if (origins.includes(origin)) {
      response.setHeader("access-control-allow-methods", cors.allowedMethods.join(", "));
      response.setHeader("access-control-allow-headers", [...cors.allowedHeaders, "authorization"].join(", "));
      response.setHeader("access-control-max-age", "7200");
    }
    response.writeHead(204);
    response.end();
  };
}
