/** The Docker daemon: every call has a deadline, ends on abort, and fails with a reason. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { LoomError } from "../../../common/errors.js";
import { withTimeLimit } from "../../../common/time-limit.js";

/** Milliseconds after which a daemon that does not answer counts as unreachable. Removing a busy container takes long. */
const CALL_MS = 60_000;

export interface Engine {
  /** As DOCKER_HOST. */
  readonly host: string;
  readonly docker: Docker;
  /**
   * Makes one call. What the daemon answered with an error status is thrown as it is, for {@link statusOf}.
   *
   * @param work gets the signal to pass on as `abortSignal`
   * @throws PROVIDER_UNREACHABLE where the daemon did not answer, CANCELLED where `signal` fired
   */
  call<T>(work: (abortSignal: AbortSignal) => Promise<T>, signal?: AbortSignal, timeoutMs?: number): Promise<T>;
}

interface DaemonError {
  readonly statusCode?: number;
  readonly code?: string;
  readonly message: string;
  readonly json?: { readonly message?: string };
}

/** The HTTP status of the daemon's answer, undefined where it is no such error. */
export function statusOf(thrown: unknown): number | undefined {
  return thrown instanceof Error ? (thrown as DaemonError).statusCode : undefined;
}

/** What the daemon said. */
export function messageOf(thrown: unknown): string {
  const error = thrown as DaemonError;
  return (error.json?.message ?? error.message ?? String(thrown)).replace(/^\(HTTP code \d+\) [\w ]+ - /, "").trim();
}

function cancelled(signal: AbortSignal): LoomError {
  return new LoomError("CANCELLED", "The call to Docker was ended.", { cause: signal.reason });
}

/** True where the call itself was wrong and nothing was sent. */
function misused(thrown: unknown): boolean {
  return thrown instanceof TypeError || (thrown as DaemonError).code?.startsWith("ERR_") === true;
}

/** The error of a daemon that does not answer, with what to do about it. */
export function unreachable(host: string, thrown: unknown): LoomError {
  const { code, message } = thrown as DaemonError;
  const advice =
    code === "EACCES" || code === "EPERM"
      ? "This user may not open the socket: add the user to the group that owns it, or run Loom as another user."
      : "Start Docker, or correct the provider's field `host`. The work goes on when the daemon answers.";
  return new LoomError(
    "PROVIDER_UNREACHABLE",
    `The Docker daemon at ${host} does not answer (${code ?? message}). ${advice}`,
    {
      metadata: { host },
      cause: thrown,
    },
  );
}

/**
 * Turns what a call has thrown into a LoomError.
 *
 * @param doing what Loom tried, as in "make the container"
 */
export function translate(doing: string, thrown: unknown): LoomError {
  if (thrown instanceof LoomError) return thrown;
  if (statusOf(thrown) === undefined) return LoomError.from(thrown);
  return new LoomError("PROVIDER_ERROR", `Docker could not ${doing}: ${messageOf(thrown)}.`, {
    metadata: { status: String(statusOf(thrown)) },
    cause: thrown,
  });
}

function options(host: string): Docker.DockerOptions {
  if (host.startsWith("unix://")) {
    // An explicit undefined keeps DOCKER_HOST, which dockerode reads by itself, from winning over the socket.
    return {
      socketPath: host.slice("unix://".length),
      host: undefined,
      protocol: "http",
    } as unknown as Docker.DockerOptions;
  }
  const url =
    /^(tcp|https?):\/\//.test(host) && URL.canParse(host.replace(/^tcp:/, "http:"))
      ? new URL(host.replace(/^tcp:/, "http:"))
      : undefined;
  if (url === undefined) {
    throw new LoomError(
      "INVALID_FIELD",
      `"${host}" is no address of a Docker daemon. Use unix:///path/to/docker.sock or tcp://name:port.`,
      {
        violations: [{ field: "host", description: "must be unix:///path or tcp://name:port" }],
      },
    );
  }
  const certificates = process.env.DOCKER_CERT_PATH;
  const tls = url.protocol === "https:" || process.env.DOCKER_TLS_VERIFY === "1";
  const file = (name: string): Buffer => readFileSync(join(certificates!, name));
  return {
    host: url.hostname,
    port: url.port || (tls ? "2376" : "2375"),
    protocol: tls ? "https" : "http",
    ...(tls && certificates ? { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") } : {}),
  };
}

/** A client of the daemon at `host`; nothing is sent before the first call. */
export function createEngine(host: string): Engine {
  const docker = new Docker(options(host));
  return {
    host,
    docker,
    async call<T>(work: (abortSignal: AbortSignal) => Promise<T>, signal?: AbortSignal, timeoutMs = CALL_MS) {
      if (signal?.aborted) throw cancelled(signal);
      // The client library never settles where a connection breaks within an answer, so the deadline is held here.
      const held = async (limited: AbortSignal): Promise<T> => {
        let stop: (() => void) | undefined;
        const stopped = new Promise<never>((_, reject) => {
          stop = () => reject(new Error(`no answer within ${Math.round(timeoutMs / 1000)} s`));
          if (limited.aborted) stop();
          else limited.addEventListener("abort", stop, { once: true });
        });
        try {
          return await Promise.race([work(limited), stopped]);
        } finally {
          limited.removeEventListener("abort", stop!);
        }
      };
      try {
        return await withTimeLimit(timeoutMs, signal, held);
      } catch (thrown) {
        if (signal?.aborted) throw cancelled(signal);
        if (thrown instanceof LoomError || statusOf(thrown) !== undefined || misused(thrown)) throw thrown;
        throw unreachable(host, thrown);
      }
    },
  };
}
