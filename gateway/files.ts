/** The console's files. Paths that name no file get its index, which does its own routing. */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { pathOf, reply } from "./fallback.js";
import type { HttpHandler, HttpResponse } from "./listener.js";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

/** @param root folder of the files */
export function createFiles(root: string): HttpHandler {
  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD")
      return reply(response, 405, "text/plain", "Only GET and HEAD.\n");
    void find(root, pathOf(request)).then((file) => {
      if (file === undefined) reply(response, 404, "text/plain; charset=utf-8", "Not found.\n");
      else send(file, request.method === "HEAD", response);
    });
  };
}

interface Found {
  readonly path: string;
  readonly size: number;
}

async function find(root: string, path: string): Promise<Found | undefined> {
  return (await inside(root, path)) ?? (extname(path) === "" ? await inside(root, "/index.html") : undefined);
}

/** The file, unless it or a link on the way to it leads out of the root. */
async function inside(root: string, path: string): Promise<Found | undefined> {
  try {
    const top = await realpath(root);
    const file = await realpath(join(top, decodeURIComponent(path)));
    const { size, isFile } = await stat(file).then((found) => ({ size: found.size, isFile: found.isFile() }));
    return isFile && file.startsWith(top + sep) ? { path: file, size } : undefined;
  } catch {
    return undefined;
  }
}

function send({ path, size }: Found, headOnly: boolean, response: HttpResponse): void {
  response.writeHead(200, {
    "content-type": TYPES[extname(path)] ?? "application/octet-stream",
    "content-length": size,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    // Built files have a hash in their name; the index must be asked for each time.
    "cache-control": path.includes(`${sep}assets${sep}`) ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (headOnly) {
    response.end();
    return;
  }
  createReadStream(path)
    .on("error", () => response.destroy())
    .pipe(response as NodeJS.WritableStream);
}
