/** How much the gateway takes and how long it waits. */

/**
 * The largest body that is read. The server takes messages of 4 MiB; what is a little larger reaches it, so that it can
 * say so with a reason, and JSON is larger than the message it stands for.
 */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** All headers of a request. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** From the start of a connection to its first bytes, and from the start of a request to the end of its headers. */
export const HEADERS_WITHIN_MS = 10_000;

/** From the start of a request to the end of its body. */
export const BODY_WITHIN_MS = 30_000;

/** A connection without requests is closed after so long. Longer than the idle time of common proxies. */
export const IDLE_MS = 120_000;

/** A client with open streams that leaves a ping unanswered for so long is gone. */
export const PING_MS = 20_000;

/** Requests at once on one HTTP/2 connection. */
export const MAX_STREAMS = 250;
