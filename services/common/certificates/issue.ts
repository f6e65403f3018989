/**
 * Making certificates: an authority of Loom's own, what servers and provisioners get from it. Keys are of the curve
 * P-256, signatures ECDSA with SHA-256, which every TLS of today takes.
 */
import { randomBytes, webcrypto, X509Certificate as Parsed } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { LoomError } from "../errors.js";

/** A certificate and its key, both in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Whom a certificate is for. */
export interface Names {
  /** DNS names. */
  readonly names: readonly string[];
  /** IPv4 and IPv6 addresses. */
  readonly addresses: readonly string[];
}

const DAY_MS = 86_400_000;

/** Of the authority; longer than anybody keeps an installation. */
export const AUTHORITY_DAYS = 20 * 365;
/** Of servers and provisioners. */
export const LEAF_DAYS = 90;

/** Clocks of machines that join may be slow by so much. */
const SLOW_CLOCK_MS = DAY_MS;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The library takes a while to load, and most starts and commands make no certificate. */
async function library(): Promise<typeof X509> {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as never);
  return x509;
}

const newKeys = async (): Promise<CryptoKeyPair> =>
  (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as unknown as CryptoKeyPair;

type CryptoKeyPair = webcrypto.CryptoKeyPair;

async function keyText(x509: typeof X509, key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

const certText = (certificate: X509.X509Certificate): string => `${certificate.toString("pem")}\n`;

/** 16 random bytes that read as a positive number, as RFC 5280 section 4.1.2.2 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x01;
  return bytes.toString("hex");
}

/** @param now milliseconds since 1970 */
function validity(days: number, now: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - SLOW_CLOCK_MS), notAfter: new Date(now + days * DAY_MS) };
}

/**
 * An authority that signs certificates of servers and provisioners and nothing else. Its name is its own: a certificate
 * whose issuer bears the same name as itself would pass for self-signed.
 *
 * @param now milliseconds since 1970
 */
export async function makeAuthority(now: number): Promise<KeyPair> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`Loom authority ${randomBytes(4).toString("hex")}`] }],
    ...validity(AUTHORITY_DAYS, now),
    keys: keys as never,
    signingAlgorithm: ALGORITHM,
    extensions: [
      // It signs no further authority.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return { cert: certText(certificate), key: await keyText(x509, keys.privateKey) };
}

async function issue(
  x509: typeof X509,
  authority: KeyPair,
  of: {
    readonly name: string;
    readonly publicKey: X509.PublicKeyType;
    readonly usage: "serverAuth" | "clientAuth";
    readonly alternatives?: Names;
  },
  now: number,
): Promise<X509.X509Certificate> {
  const issuer = new x509.X509Certificate(authority.cert);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(authority.key),
    ALGORITHM,
    false,
    ["sign"],
  );
  const { names = [], addresses = [] } = of.alternatives ?? {};
  return x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [of.name] }],
    issuer: issuer.subjectName.toJSON(),
    ...validity(LEAF_DAYS, now),
    publicKey: of.publicKey,
    signingKey: signingKey as never,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[of.usage]]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length + addresses.length === 0
        ? []
        : [
            new x509.SubjectAlternativeNameExtension([
              ...names.map((value) => ({ type: "dns" as const, value })),
              ...addresses.map((value) => ({ type: "ip" as const, value })),
            ]),
          ]),
    ],
  });
}

/**
 * A server's certificate with the authority's behind it, and its key.
 *
 * @param now milliseconds since 1970
 */
export async function issueServer(authority: KeyPair, alternatives: Names, now: number): Promise<KeyPair> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await issue(
    x509,
    authority,
    { name: "Loom server", publicKey: keys.publicKey as never, usage: "serverAuth", alternatives },
    now,
  );
  return { cert: certText(certificate) + authority.cert, key: await keyText(x509, keys.privateKey) };
}

/** A key of its own, and the request that asks an authority to sign it (PKCS #10), both in PEM. */
export async function makeRequest(): Promise<{ readonly key: string; readonly request: string }> {
  const x509 = await library();
  const keys = await newKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    // The authority decides what the name will be.
    name: [{ CN: ["provisioner"] }],
    keys: keys as never,
    signingAlgorithm: ALGORITHM,
  });
  return { key: await keyText(x509, keys.privateKey), request: `${request.toString("pem")}\n` };
}

/**
 * Reads a request for a certificate and proves that who asks has the key.
 *
 * @returns the public key (SubjectPublicKeyInfo, DER)
 * @throws INVALID_FIELD
 */
export async function keyOfRequest(request: string): Promise<Buffer> {
  const x509 = await library();
  try {
    const read = new x509.Pkcs10CertificateRequest(request);
    // Of another curve or kind, the key could not be the one that `makeRequest` makes.
    const { name, namedCurve } = read.publicKey.algorithm as { name?: string; namedCurve?: string };
    if (name === "ECDSA" && namedCurve === "P-256" && (await read.verify())) return Buffer.from(read.publicKey.rawData);
  } catch {
    // Whatever the library says of bytes that are no request, it is the same to who sent them.
  }
  throw new LoomError(
    "INVALID_FIELD",
    "The request for a certificate cannot be read, or was not signed with its own key. Provisioner and server may be of different versions.",
  );
}

/**
 * A provisioner's certificate, which names it and lets it do nothing but connect as a client.
 *
 * @param publicKey SubjectPublicKeyInfo, DER
 * @param now milliseconds since 1970
 */
export async function issueClient(
  authority: KeyPair,
  of: { readonly name: string; readonly publicKey: Uint8Array },
  now: number,
): Promise<{ readonly cert: string; readonly expires: Date }> {
  const x509 = await library();
  const certificate = await issue(
    x509,
    authority,
    { name: of.name, publicKey: new Uint8Array(of.publicKey) as never, usage: "clientAuth" },
    now,
  );
  return { cert: certText(certificate), expires: certificate.notAfter };
}

/** True once a third of the certificate's life or less is left, and for what is no certificate. */
export function isDue(cert: string, now: number): boolean {
  try {
    const { validFrom, validTo } = new Parsed(cert);
    const end = Date.parse(validTo);
    return end - now <= (end - Date.parse(validFrom)) / 3;
  } catch {
    return true;
  }
}
