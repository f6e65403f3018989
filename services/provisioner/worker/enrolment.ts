/** How a provisioner of another machine gets its certificates: once by a token, and then by the one it has. */
import { ChannelCredentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  EnrolmentServiceClient,
  type JoinResponse,
  type RenewCertificateResponse,
} from "../../../gen/services/loom/internal/v1/enrolment.js";
import type { Fingerprint } from "../../common/certificates/fingerprint.js";
import { makeRequest } from "../../common/certificates/issue.js";
import { connectPinned } from "../../common/certificates/pin.js";
import { LoomError } from "../../common/errors.js";
import { TLS_OPTIONS } from "./provisioner.js";
import { remoteError, unreachable } from "./remote-error.js";

/** Who a provisioner is, as its certificate says. */
export interface Identity {
  readonly id: string;
  /** What provider documents call it. */
  readonly label: string;
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
  /** PEM of the authority that has signed its certificate and the server's. */
  readonly authority: string;
}

/** What connections are made with: the server must show a certificate of the authority, this side shows its own. */
export function credentialsOf({ authority, key, certificate }: Identity): ChannelCredentials {
  return ChannelCredentials.createSsl(Buffer.from(authority), Buffer.from(key), Buffer.from(certificate), NO_NAMES);
}

/** The authority signs for one Loom, wherever that is: addresses say nothing about who is there. */
const NO_NAMES = { checkServerIdentity: () => undefined };

const CALL_MS = 30_000;

/** `host:port`, `[v6]:port`. @throws INVALID_FIELD */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(address);
  const port = Number(found?.[3]);
  if (found === null || port < 1 || port > 65_535)
    throw new LoomError(
      "INVALID_FIELD",
      `"${address}" is no address to join at. Give a host and a port, such as loom.example:7421, as loom provisioner token prints them.`,
      { metadata: { address } },
    );
  return { host: (found[1] ?? found[2])!, port };
}

/** A key that is kept before it is used: a join whose answer was lost is repeated with the same one. */
export const newKey = makeRequest;

/**
 * Turns a token into an identity.
 *
 * @param fingerprint of the server's certificate or its authority's; nothing is sent to another
 * @throws FINGERPRINT_MISMATCH, JOIN_TOKEN_INVALID, UNREACHABLE
 */
export async function join(
  address: string,
  fingerprint: Fingerprint,
  token: string,
  key: { readonly key: string; readonly request: string },
  as: { readonly host: string; readonly datacenter: string },
): Promise<Identity> {
  const { host, port } = splitAddress(address);
  let authority: string;
  try {
    const { socket, pinned } = await connectPinned({ host, port, alpn: ["h2"] }, fingerprint);
    socket.destroy();
    if (!pinned.ca)
      throw new LoomError(
        "FINGERPRINT_MISMATCH",
        `${fingerprint} is the fingerprint of the server's own certificate at ${address}, which is made again from time to time. Give that of its authority, as loom provisioner token prints it.`,
      );
    authority = pinned.toString();
  } catch (thrown) {
    throw thrown instanceof LoomError ? thrown : unreachable(address, (thrown as Error).message, thrown);
  }
  const credentials = ChannelCredentials.createSsl(Buffer.from(authority), null, null, NO_NAMES);
  const answer = await asking<JoinResponse>(address, credentials, (client, done) =>
    client.join({ token, certificateRequest: key.request, ...as }, new Metadata(), deadline(), done),
  );
  return {
    id: answer.provisioner,
    label: answer.label,
    key: key.key,
    certificate: answer.certificate,
    authority: answer.authority,
  };
}

/**
 * A newer certificate, with a key of its own.
 *
 * @throws PROVISIONER_REVOKED, UNREACHABLE
 */
export async function renew(address: string, identity: Identity): Promise<Identity> {
  const { key, request } = await makeRequest();
  const { certificate } = await asking<RenewCertificateResponse>(address, credentialsOf(identity), (client, done) =>
    client.renewCertificate({ certificateRequest: request }, new Metadata(), deadline(), done),
  );
  return { ...identity, key, certificate };
}

const deadline = () => ({ deadline: Date.now() + CALL_MS });

function asking<Answer>(
  address: string,
  credentials: ChannelCredentials,
  ask: (client: EnrolmentServiceClient, done: (error: ServiceError | null, answer: Answer) => void) => unknown,
): Promise<Answer> {
  const client = new EnrolmentServiceClient(address, credentials, TLS_OPTIONS);
  return new Promise<Answer>((resolve, reject) =>
    ask(client, (error, answer) => (error === null ? resolve(answer) : reject(remoteError(error, address)))),
  ).finally(() => client.close());
}
