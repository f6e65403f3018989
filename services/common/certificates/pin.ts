/**
 * Trust by a fingerprint: what a server shows must be the certificate of that fingerprint, or be signed by it. No list
 * of authorities and no name is asked, since the fingerprint says more than they do: the name of a machine may be any.
 */
import { X509Certificate } from "node:crypto";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { LoomError } from "../errors.js";
import { fingerprintOf, type Fingerprint } from "./fingerprint.js";

/** Extended key usage of servers, RFC 5280 section 4.2.1.12. */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/** What the other side has shown, its own certificate first. */
export function shownBy(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  for (
    let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    at?.raw !== undefined && !seen.has(at.fingerprint256);
    at = at.issuerCertificate
  ) {
    seen.add(at.fingerprint256);
    chain.push(new X509Certificate(at.raw));
  }
  return chain;
}

/**
 * The certificate that the fingerprint names, once it is sure that the first of the chain is it or was signed by it as
 * a server's. That the other side holds the key of the first was proven by the handshake.
 *
 * @param address for the message
 * @param now milliseconds since 1970
 * @throws FINGERPRINT_MISMATCH
 */
export function checkPinned(
  chain: readonly X509Certificate[],
  pin: Fingerprint,
  address: string,
  now: number,
): X509Certificate {
  const own = chain[0];
  const pinned = chain.find((each) => fingerprintOf(each.raw) === pin);
  if (own === undefined || pinned === undefined) {
    const last = chain.at(-1);
    const found = last === undefined ? "none" : fingerprintOf(last.raw);
    throw new LoomError(
      "FINGERPRINT_MISMATCH",
      `The certificate at ${address} is not the one that was trusted: expected ${pin}, found ${found}. Either Loom there has made new certificates (compare with the fingerprint it prints at its start), or somebody stands in between. Nothing was sent.`,
      { metadata: { address, expected: pin, found } },
    );
  }
  const problem = pinned === own ? undefined : problemOf(own, pinned);
  const expired = Date.parse(own.validTo) < now || Date.parse(own.validFrom) > now;
  if (problem === undefined && !expired) return pinned;
  throw new LoomError(
    "FINGERPRINT_MISMATCH",
    `The certificate at ${address} ${problem ?? `is valid from ${own.validFrom} to ${own.validTo}, and it is ${new Date(now).toISOString()} here`}. Nothing was sent.`,
    { metadata: { address, expected: pin, found: fingerprintOf(own.raw) } },
  );
}

function problemOf(own: X509Certificate, authority: X509Certificate): string | undefined {
  if (!authority.ca || !own.checkIssued(authority) || !own.verify(authority.publicKey))
    return "was not signed by the authority that was trusted";
  if (!(own.keyUsage ?? []).includes(SERVER_AUTH)) return "is none of a server";
  return undefined;
}

/**
 * Connects and sends nothing until the fingerprint was found. The caller owns the socket.
 *
 * @throws FINGERPRINT_MISMATCH, and what connecting throws
 */
export function connectPinned(
  options: {
    readonly host: string;
    readonly port: number;
    readonly servername?: string;
    readonly alpn?: readonly string[];
    readonly withinMs?: number;
  },
  pin: Fingerprint,
): Promise<{ readonly socket: TLSSocket; readonly pinned: X509Certificate }> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      // The chain is checked below, before anything is sent.
      rejectUnauthorized: false,
      ...(options.servername === undefined ? {} : { servername: options.servername }),
      ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
    });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(options.withinMs ?? 30_000, () =>
      fail(Object.assign(new Error(`connect ETIMEDOUT ${host}:${port}`), { code: "ETIMEDOUT" })),
    );
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      try {
        const pinned = checkPinned(shownBy(socket), pin, `${host}:${port}`, Date.now());
        socket.setTimeout(0);
        socket.removeAllListeners("timeout");
        socket.off("error", fail);
        resolve({ socket, pinned });
      } catch (thrown) {
        fail(thrown as Error);
      }
    });
  });
}
