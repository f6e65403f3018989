/**
 * A provisioner of another machine, as a process of its own: joins with a token or knows itself by what it keeps,
 * works until it is told to stop or is revoked, and gets newer certificates in time.
 */
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { fingerprintOf, type Fingerprint } from "../common/certificates/fingerprint.js";
import { isDue } from "../common/certificates/issue.js";
import { LoomError } from "../common/errors.js";
import { credentialsOf, join, newKey, renew, splitAddress } from "../provisioner/worker/enrolment.js";
import { createProvisioner, type ProvisionerLog } from "../provisioner/worker/provisioner.js";
import { remoteError } from "../provisioner/worker/remote-error.js";
import { prepareDataFolder } from "./data-folder.js";
import { hashOfToken, identityFiles, type Joined } from "./identity-file.js";
import { lockFolder } from "./lock.js";
import { createPlugins } from "./plugins.js";

export interface JoinedOptions {
  /** Keeps who it is, and the nodes of provider `local`. */
  readonly folder: string;
  /** `host:port`; undefined: where it joined before. */
  readonly address: string | undefined;
  /** Undefined or used already: it must have joined before. */
  readonly token: string | undefined;
  /** Needed to join. */
  readonly fingerprint: Fingerprint | undefined;
  /** Provider types; undefined: all that this program has. */
  readonly providers: readonly string[] | undefined;
  readonly slots: number;
  readonly datacenter: string;
  readonly log: ProvisionerLog;
  /** A line for the person who started it. */
  say(line: string): void;
  /** Between two looks at whether its certificate is due; for tests. */
  readonly renewLookMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface JoinedProvisioner {
  readonly id: string;
  readonly label: string;
  /** Resolves with why it cannot go on: it was revoked. */
  readonly refused: Promise<LoomError>;
  /** Takes no new tasks, and waits for the running ones until the signal. */
  drain(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const STREAMS = 2;
const RENEW_LOOK_MS = 3_600_000;

/**
 * @throws INVALID_FIELD, FOLDER_IN_USE, FOLDER_UNUSABLE, FINGERPRINT_MISMATCH, JOIN_TOKEN_INVALID, UNREACHABLE where it
 *   has to join and cannot
 */
export async function startJoined(options: JoinedOptions): Promise<JoinedProvisioner> {
  const { log, say } = options;
  const now = options.now ?? Date.now;
  await prepareDataFolder(options.folder);
  const folder = realpathSync(options.folder);
  const lock = await lockFolder(folder);
  try {
    const files = identityFiles(folder);
    let joined = await identify(options, files);
    const all = createPlugins(folder, `${joined.label} ${folder}`);
    const unknown = (options.providers ?? []).filter((type) => !all.providers.some((one) => one.type === type));
    if (unknown.length > 0)
      throw new LoomError(
        "INVALID_FIELD",
        `There is no provider type ${unknown.join(", ")}. Known are: ${all.providers.map(({ type }) => type).join(", ")}.`,
      );
    const providers = all.providers.filter(({ type }) => options.providers?.includes(type) ?? true);
    if (providers.includes(all.local)) {
      const on = await all.local.switchOnAll(new AbortController().signal, (error) =>
        log.error({ error: String(error) }, "a node of this machine could not be switched on"),
      );
      if (on > 0) say(`switched on ${on} of this machine's nodes, which were off`);
    }

    let refuse: (why: LoomError) => void = () => undefined;
    const refused = new Promise<LoomError>((resolve) => (refuse = resolve));
    const open = new Set<string>();
    let isLost = false;
    let stopping: Promise<void> | undefined;
    const provisioner = createProvisioner({
      name: joined.id,
      datacenter: options.datacenter,
      address: joined.address,
      providers,
      automators: all.automators,
      slots: Math.max(1, Math.ceil(options.slots / STREAMS)),
      streams: Math.min(STREAMS, options.slots),
      log,
      credentials: () => credentialsOf(joined),
      tell(event) {
        if (event.kind === "registered") {
          open.add(event.worker);
          if (open.size === 1) say(`connected to ${joined.address} as ${joined.label} (${joined.id})`);
          isLost = false;
          return;
        }
        open.delete(event.worker);
        const error = event.error === undefined ? undefined : remoteError(event.error, joined.address);
        if (error?.reason === "PROVISIONER_REVOKED") refuse(error);
        else if (open.size === 0 && !isLost && stopping === undefined) {
          isLost = true;
          say(`not connected: ${error?.message ?? "the server ended the connection."} It is tried again.`);
        }
      },
    });

    /** A failure is no harm: a third of the old one's life is left, and it is looked again. */
    async function renewDue(): Promise<void> {
      if (!isDue(joined.certificate, now())) return;
      try {
        const renewed = { ...joined, ...(await renew(joined.address, joined)) };
        files.saveJoined(renewed);
        joined = renewed;
        say("got a newer certificate");
      } catch (thrown) {
        log.warn({ error: String(thrown) }, "no newer certificate could be had; it is tried again");
      }
    }
    let renewing: Promise<void> = renewDue();
    const timer = setInterval(() => {
      renewing = renewing.then(renewDue);
    }, options.renewLookMs ?? RENEW_LOOK_MS);
    async function stop(): Promise<void> {
      clearInterval(timer);
      await renewing;
      await provisioner.stop();
      await lock.release();
    }
    provisioner.start();
    return {
      id: joined.id,
      label: joined.label,
      refused,
      drain: (signal) => provisioner.drain(signal),
      stop: () => (stopping ??= stop()),
    };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

/** Who it is: by what it keeps, or by joining. */
async function identify(options: JoinedOptions, files: ReturnType<typeof identityFiles>): Promise<Joined> {
  const { address, token, fingerprint, say } = options;
  if (address !== undefined) splitAddress(address);
  const known = files.joined();
  const isNew = token !== undefined && known?.token !== hashOfToken(token);
  if (known !== undefined && !isNew) {
    if (fingerprint !== undefined && fingerprintOf(derOf(known.authority)) !== fingerprint)
      throw new LoomError(
        "FINGERPRINT_MISMATCH",
        `The provisioner in ${options.folder} has joined a Loom with another fingerprint. Give a token of the one it is to join now, or another folder with --dir.`,
      );
    const moved = address === undefined || address === known.address ? known : { ...known, address };
    if (moved !== known) files.saveJoined(moved);
    return moved;
  }
  if (address === undefined || token === undefined || fingerprint === undefined) {
    const missing = [
      address === undefined ? "--join ADDRESS" : "",
      token === undefined ? "a token (LOOM_JOIN_TOKEN or --token-file)" : "",
      fingerprint === undefined ? "--fingerprint" : "",
    ].filter((text) => text !== "");
    throw new LoomError(
      "INVALID_FIELD",
      `This machine has not joined a Loom yet, and for that ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} missing. On the machine of Loom run: loom provisioner token`,
    );
  }
  // The same key for the same token, however often it takes: the server knows by it that it is not somebody else.
  const hash = hashOfToken(token);
  let asked = files.asked();
  if (asked?.token !== hash) {
    asked = { ...(await newKey()), token: hash };
    files.saveAsked(asked);
  }
  const identity = await join(address, fingerprint, token, asked, {
    host: hostname().replaceAll(/[^\x21-\x7e]/g, "?"),
    datacenter: options.datacenter,
  });
  const joined = { ...identity, address, token: hash };
  files.saveJoined(joined);
  say(`joined the Loom at ${address} as ${joined.label} (${joined.id}); the token is used up and not needed any more`);
  return joined;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
}
