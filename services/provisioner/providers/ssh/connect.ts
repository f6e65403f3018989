/** One connection to a host, straight or through another host, with its key looked at before anything is sent. */
import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import type { Readable } from "node:stream";
import type { LoomError } from "../../../common/errors.js";
import { connectFailure, keyRefused, unreachable } from "./failures.js";
import { keysOf } from "./known-hosts.js";
import type { SshSettings, Target } from "./settings.js";

/** How long a connection may take until it is there, in milliseconds. */
const READY_MS = 8_000;
/** A host that says nothing is asked so often, and has so many chances: after 10 s it is lost. */
const ALIVE_MS = 2_500;
const ALIVE_TRIES = 3;

/** Kinds of keys, best first; without those that rest on SHA-1. */
const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** A host has keys of several kinds: it is asked for one that is known. */
function preferred(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (name: string) => types.includes(name.startsWith("rsa-") ? "ssh-rsa" : name);
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((name) => !isKnown(name))];
}

/**
 * @param sock a way through another host
 * @throws PROVIDER_UNREACHABLE; PROVIDER_ERROR where the host or the key is refused
 */
export function connect(settings: SshSettings, target: Target, sock: Readable | undefined): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    let refused: LoomError | undefined;
    try {
      const keys = keysOf(target.address, target.port, settings.knownHosts(), target.hostKey);
      const config: ConnectConfig = {
        host: target.address,
        port: target.port,
        username: target.user,
        privateKey: settings.key(),
        readyTimeout: READY_MS,
        keepaliveInterval: ALIVE_MS,
        keepaliveCountMax: ALIVE_TRIES,
        algorithms: { serverHostKey: preferred(keys.types) },
        hostVerifier: (key: Buffer) => {
          const verdict = keys.judge(key);
          if (verdict !== "known") refused = keyRefused(target, verdict, key);
          return verdict === "known";
        },
        ...(sock === undefined ? {} : { sock }),
      };
      client.once("ready", () => resolve(client));
      // Errors after this are told by "close".
      client.on("error", (thrown) => {
        reject(refused ?? connectFailure(target, thrown));
        client.destroy();
      });
      client.once("close", () => reject(unreachable(target, "it closed the connection")));
      client.connect(config);
    } catch (thrown) {
      client.destroy();
      reject(connectFailure(target, thrown));
    }
  });
}
