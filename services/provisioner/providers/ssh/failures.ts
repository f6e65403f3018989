/** What can go wrong with a host, in words that tell what to do. */
import { LoomError } from "../../../common/errors.js";
import { fingerprint, type KeyVerdict } from "./known-hosts.js";
import { hostName, type Target } from "./settings.js";

/** The host, or the way to it, does not answer. */
export function unreachable(target: Target, why: string, cause?: unknown): LoomError {
  const host = hostName(target.address, target.port);
  return new LoomError(
    "PROVIDER_UNREACHABLE",
    `Host ${host} does not answer: ${why}. Check that it is on and that sshd runs; Loom goes on when it answers.`,
    { metadata: { host }, cause },
  );
}

/** The host was told to do something, and nobody knows whether it did. */
export function unclear(target: Target, why: string, cause: unknown): LoomError {
  const { message, reason, metadata } = unreachable(target, `${why}, before it said what came of a step`, cause);
  return new LoomError(reason, message, { metadata: { ...metadata, outcome: "unclear" }, cause });
}

/** True where a step may have been done, or may still be done. */
export function isUnclear(thrown: unknown): boolean {
  return thrown instanceof LoomError && thrown.metadata["outcome"] === "unclear";
}

/** The host shows a key that nothing is known of, or another one than it should. */
export function keyRefused(target: Target, verdict: Exclude<KeyVerdict, "known">, key: Buffer): LoomError {
  const host = hostName(target.address, target.port);
  const scan = `ssh-keyscan${target.port === 22 ? "" : ` -p ${target.port}`} ${target.address}`;
  const shown = fingerprint(key);
  const metadata = { host, fingerprint: shown, hostKey: verdict, permanent: "true" };
  return verdict === "unknown"
    ? new LoomError(
        "PROVIDER_ERROR",
        `The key of host ${host} is not known (${shown}), so nothing was sent to it. "${scan}" prints its keys; compare their fingerprint with the host's own and put them into the provider's field knownHosts, or the host's hostKey.`,
        { metadata },
      )
    : new LoomError(
        "PROVIDER_ERROR",
        `HOST KEY CHANGED: ${host} shows another key (${shown}) than the one that is known of it. It was installed anew, or somebody stands between it and Loom. Nothing was sent to it. Where you know why, put the key that "${scan}" prints into the provider's knownHosts or hostKey.`,
        { metadata },
      );
}

/** True where another machine than the one that Loom knows answers there. */
export function isChangedKey(thrown: unknown): boolean {
  return thrown instanceof LoomError && thrown.metadata["hostKey"] === "changed";
}

export function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof LoomError && thrown.reason === "PROVIDER_UNREACHABLE";
}

/** An error of a connection. */
export function connectFailure(target: Target, thrown: unknown): LoomError {
  if (thrown instanceof LoomError) return thrown;
  const { level, code, message = "" } = thrown as { level?: string; code?: string; message?: string };
  const host = hostName(target.address, target.port);
  if (level === "client-authentication")
    return new LoomError(
      "PROVIDER_ERROR",
      `Host ${host} does not let ${target.user} in with the provider's key. Put its public key into ~${target.user}/.ssh/authorized_keys there, or correct user and privateKey.`,
      { metadata: { host, user: target.user }, cause: thrown },
    );
  if (/privateKey|parse|passphrase/i.test(message))
    return new LoomError(
      "PROVIDER_ERROR",
      `The provider's private key cannot be used: it must be a private key in OpenSSH's or PEM's format without a passphrase.`,
      { metadata: { permanent: "true" }, cause: thrown },
    );
  return unreachable(target, code ?? (message || "the connection broke"), thrown);
}
