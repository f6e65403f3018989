/** Logs: JSON lines on standard error or in a file. Secrets have no place in them; `redact` is the second fence. */
import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";

export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error" | "child">;

/** Field names that never show their value, at any of the first three levels. */
const SECRET_FIELDS = ["token", "password", "secret", "secrets", "authorization", "fields", "config", "env"];

/** @param level trace, debug, info, warn, error or silent */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    { level, base: null, redact: { paths, censor: "***" } },
    destination ?? pino.destination({ dest: 2, sync: false }),
  );
}

/** Says nothing; for tests and tools. */
export const silentLogger: Logger = pino({ level: "silent" });
