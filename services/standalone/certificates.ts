/**
 * The certificates of an installation, in the folder `tls` of its data folder: an authority that is made once and
 * stays, so that its fingerprint can be trusted for good, and a server's certificate that it signs, which is made
 * again before it ends and when this machine gets other names or addresses.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { fingerprintOf, type Fingerprint } from "../common/certificates/fingerprint.js";
import { isDue, issueServer, makeAuthority, type KeyPair, type Names } from "../common/certificates/issue.js";
import { LoomError } from "../common/errors.js";
import { isLoopback } from "../common/loopback.js";
import { folderError } from "./data-folder.js";

export interface Certificates {
  readonly authority: KeyPair;
  /** Of the authority: good for every certificate it signs. */
  readonly fingerprint: Fingerprint;
  /** The server's, with the authority's behind it. */
  readonly server: KeyPair;
  /** Makes the server's certificate again where it is time; the new one, or undefined. */
  renew(): Promise<KeyPair | undefined>;
}

/** Of the leaf of a chain in PEM. */
export function fingerprintOfPem(pem: string): Fingerprint {
  return fingerprintOf(new X509Certificate(pem).raw);
}

/** What this machine is called and where it is reached, as far as it knows itself. */
export function ownNames(hosts: readonly string[] = []): Names {
  const found = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const addresses = found
    // An address that is only good with the name of an interface behind it cannot stand in a certificate.
    .filter(({ address, scopeid }) => !scopeid && !address.startsWith("fe80:"))
    .map(({ address }) => address);
  const given = hosts.filter((host) => host !== "0.0.0.0" && host !== "::" && host !== "");
  const unique = (all: readonly string[]): string[] => [...new Set(all)];
  return {
    names: unique(["localhost", hostname(), ...given.filter((host) => isIP(host) === 0)]),
    addresses: unique([...addresses, ...given.filter((host) => isIP(host) !== 0)]),
  };
}

/** How others may reach what listens there, likeliest first: `host:port`. */
export function reachableAt(host: string, port: number): string[] {
  const { names, addresses } = ownNames();
  const far = addresses.filter((address) => !isLoopback(address));
  const all = host === "0.0.0.0" || host === "::";
  const hosts = all
    ? [...far.filter((one) => isIP(one) === 4), ...names.slice(1), ...far.filter((one) => isIP(one) === 6)]
    : [host];
  return (hosts.length === 0 ? ["127.0.0.1"] : hosts).map((one) => `${isIP(one) === 6 ? `[${one}]` : one}:${port}`);
}

/**
 * Opens what an earlier start made, and makes what is missing.
 *
 * @param names of this machine, asked again at every renewal
 * @param now milliseconds since 1970
 * @throws SECRET_UNREADABLE for an authority that is damaged; FOLDER_UNUSABLE, DISK_FULL
 */
export async function openCertificates(
  folder: string,
  names: () => Names,
  now: () => number = Date.now,
): Promise<Certificates> {
  const place = join(folder, "tls");
  const authorityFile = join(place, "authority.pem");
  const serverFile = join(place, "server.pem");
  try {
    mkdirSync(place, { recursive: true, mode: 0o700 });
    chmodSync(place, 0o700);
  } catch (thrown) {
    throw folderError(folder, thrown);
  }
  const keep = (file: string, pair: KeyPair): KeyPair => {
    writePrivate(folder, file, pair.key + pair.cert);
    return pair;
  };
  const authority = readPair(authorityFile, true) ?? keep(authorityFile, await makeAuthority(now()));
  const issue = async (): Promise<KeyPair> => keep(serverFile, await issueServer(authority, names(), now()));
  const isGood = (pair: KeyPair | undefined): pair is KeyPair =>
    pair !== undefined && !isDue(pair.cert, now()) && isOf(pair.cert, authority.cert) && covers(pair.cert, names());
  const kept = readPair(serverFile, false);
  let server = isGood(kept) ? kept : await issue();
  return {
    authority,
    fingerprint: fingerprintOfPem(authority.cert),
    get server() {
      return server;
    },
    async renew() {
      if (isGood(server)) return undefined;
      server = await issue();
      return server;
    },
  };
}

/**
 * A key and its certificates from one file, undefined where there is none. In one file they are always of each other.
 *
 * @param needed whether a damaged one is an error; else it is as if it were not there
 */
function readPair(file: string, needed: boolean): KeyPair | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
    chmodSync(file, 0o600);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw folderError(file, thrown);
  }
  const end = text.indexOf("-----BEGIN CERTIFICATE-----");
  const pair = { key: text.slice(0, Math.max(end, 0)), cert: text.slice(Math.max(end, 0)) };
  try {
    if (!new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key)))
      throw new Error("not of each other");
    return pair;
  } catch (thrown) {
    if (!needed) return undefined;
    throw new LoomError(
      "SECRET_UNREADABLE",
      `${file} holds no certificate with its key. Put the file back from a backup. Without one, remove it: Loom makes another authority, every login by fingerprint has to be made again, and provisioners of other machines have to join again.`,
      { metadata: { file }, cause: thrown },
    );
  }
}

function isOf(cert: string, authority: string): boolean {
  const [own, issuer] = [new X509Certificate(cert), new X509Certificate(authority)];
  return own.checkIssued(issuer) && own.verify(issuer.publicKey);
}

function covers(cert: string, { names, addresses }: Names): boolean {
  const own = new X509Certificate(cert);
  return (
    names.every((name) => own.checkHost(name) !== undefined) &&
    addresses.every((address) => own.checkIP(address) !== undefined)
  );
}

function writePrivate(folder: string, file: string, text: string): void {
  const part = `${file}.${process.pid}.part`;
  try {
    rmSync(part, { force: true });
    writeFileSync(part, text, { mode: 0o600, flag: "wx", flush: true });
    renameSync(part, file);
  } catch (thrown) {
    throw folderError(folder, thrown);
  }
}
