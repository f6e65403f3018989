/**
 * All of Loom in one process: the lock of the data folder, the embedded PostgreSQL, a server, a gateway and a
 * provisioner that connects to the server as any other would. What is started later is stopped earlier.
 */
import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync } from "node:fs";
import { createGateway } from "../../gateway/gateway.js";
import type { Fingerprint } from "../common/certificates/fingerprint.js";
import type { KeyPair } from "../common/certificates/issue.js";
import { DEFAULT_ID_SPACE } from "../common/ids.js";
import type { Logger } from "../common/log.js";
import { isLoopback } from "../common/loopback.js";
import type { Provider } from "../provisioner/providers/provider.js";
import { createProvisioner } from "../provisioner/worker/provisioner.js";
import { createRpcServer } from "../server/rpc/server.js";
import { createWorkerListener, type WorkerListener } from "../server/rpc/worker-listener.js";
import { startServer, type ServerOptions } from "../server/server.js";
import { assertSafeDatabase, openDatabase } from "../server/store/database.js";
import { migrate } from "../server/store/migrate.js";
import { createSecretBox } from "../server/store/secrets.js";
import type { Tokens } from "../server/tenants/tokens.js";
import { DEFAULT_TENANT } from "../server/tenants/tokens.js";
import { fingerprintOfPem, openCertificates, ownNames, reachableAt, type Certificates } from "./certificates.js";
import { prepareDataFolder } from "./data-folder.js";
import { lockFolder } from "./lock.js";
import { createPlugins } from "./plugins.js";
import { keepPostgres } from "./postgres/keep.js";
import { startPostgres } from "./postgres/start.js";

export interface StandaloneOptions {
  /** Data folder; everything that is to survive is in it. */
  readonly folder: string;
  readonly host: string;
  /** 0: the kernel's choice. */
  readonly port: number;
  /** Undefined: one of Loom's own, where the host is not loopback. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where provisioners of other machines connect; nowhere where absent. */
  readonly workers?: { readonly host: string; readonly port: number };
  readonly version: string;
  readonly log: Logger;
  /** Tasks at once. */
  readonly slots: number;
  /** Told of each step that takes a while. */
  progress(step: string): void;
  readonly timing?: ServerOptions["timing"];
  readonly logs?: ServerOptions["logs"];
  readonly hooks?: ServerOptions["hooks"];
}

export interface Standalone {
  /** Where it was told to listen. */
  readonly url: string;
  /** Where it answers on this machine without TLS; the same as `url` unless that has TLS. */
  readonly nearUrl: string;
  /** Of the certificate shown there; undefined without TLS. */
  readonly fingerprint: Fingerprint | undefined;
  /** Of the first administrator. */
  readonly token: string;
  readonly providers: readonly Provider[];
  /** Whether the database was made by this start. */
  readonly isNew: boolean;
  /** Resolves with the reason when something it needs has ended by itself. */
  readonly failed: Promise<string>;
  /** Stores what is under way and stops everything but the nodes of clusters. */
  stop(): Promise<void>;
}

/** Longest path a unix socket can have, with room for its name. */
const LONGEST_SOCKET_FOLDER = 80;

/**
 * @throws FOLDER_IN_USE, FOLDER_UNUSABLE, DISK_FULL, ADDRESS_IN_USE, TLS_REQUIRED, UNSAFE_DATABASE and others; then
 *   everything that was started is stopped again
 */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { log, progress } = options;
  const stops: (() => Promise<unknown> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = stops.pop(); step !== undefined; step = stops.pop()) {
      try {
        await step();
      } catch (thrown) {
        log.error({ err: thrown }, "a part of Loom did not stop in order");
      }
    }
  };
  try {
    await prepareDataFolder(options.folder);
    const folder = realpathSync(options.folder);
    const lock = await lockFolder(folder);
    stops.push(() => lock.release());

    progress("starting the database");
    const postgres = await startPostgres({ folder, log });
    const kept = keepPostgres(postgres, {
      start: () => startPostgres({ folder, log }),
      tell(what) {
        log.error(what);
        progress(what);
      },
    });
    stops.push(() => kept.stop());
    const ran = await migrate(postgres.connection, {
      onProgress: ({ number, total }) =>
        number === total && progress(`brought the database to its newest form (${total} steps)`),
    });
    const database = await openDatabase(postgres.connection, {
      onConnectionLost: (error) => log.warn({ err: error }, "an idle connection to the database broke"),
    });
    stops.push(() => database.close());
    await assertSafeDatabase(database.pool);

    // Made before Loom answers anywhere: what is shown first is what is shown from then on.
    const certificates =
      (options.tls === undefined && !isLoopback(options.host)) || options.workers !== undefined
        ? await openCertificates(folder, () => ownNames([options.host, options.workers?.host ?? ""]))
        : undefined;

    let workerAddresses: readonly string[] = [];

    progress("starting Loom");
    const server = await startServer({
      database,
      datacenter: "local",
      space: DEFAULT_ID_SPACE,
      secrets: await createSecretBox(join(folder, "secret.key")),
      version: options.version,
      log,
      holder: `${hostname()}-${process.pid}`,
      ...(options.workers === undefined
        ? {}
        : {
            enrolment: {
              authority: certificates!.authority,
              fingerprint: certificates!.fingerprint,
              addresses: () => workerAddresses,
            },
          }),
      soleOwner: true,
      ...(options.timing === undefined ? {} : { timing: options.timing }),
      ...(options.logs === undefined ? {} : { logs: options.logs }),
      ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    });
    stops.push(() => server.stop());
    const token = await firstToken(join(folder, "admin-token"), server.tokens);

    const rpc = createRpcServer({
      application: server.application,
      hub: server.hub,
      log: log as never,
      version: options.version,
    });
    const sockets = socketFolder(folder, stops);
    const address = await rpc.listen(`unix:${join(sockets, "server.sock")}`);
    stops.push(() => rpc.stop());

    const tls = options.tls ?? (isLoopback(options.host) ? undefined : certificates!.server);
    const gateway = createGateway({
      upstream: address,
      listen: { host: options.host, port: options.port },
      log: log as never,
      ...(tls === undefined ? {} : { tls }),
    });
    await gateway.start();
    stops.push(() => gateway.stop());
    let workers: WorkerListener | undefined;
    if (options.workers !== undefined) {
      workers = createWorkerListener({
        application: server.application,
        hub: server.hub,
        log: log as never,
        version: options.version,
        tls: certificates!.server,
        authority: certificates!.authority.cert,
      });
      const { port } = await workers.listen(options.workers);
      stops.push(() => workers!.stop());
      workerAddresses = reachableAt(options.workers.host, port);
      progress(`provisioners of other machines connect to ${workerAddresses[0]}`);
    }
    if (certificates !== undefined)
      stops.push(
        keepCertificates(certificates, log, (renewed) => {
          if (options.tls === undefined && tls !== undefined) gateway.renew(renewed);
          workers?.renew(renewed);
        }),
      );
    // Whoever is on this machine need not know who has signed the certificate.
    const near =
      tls === undefined
        ? gateway
        : createGateway({ upstream: address, listen: { host: "127.0.0.1", port: 0 }, log: log as never });
    if (near !== gateway) {
      await near.start();
      stops.push(() => near.stop());
    }

    const { local, providers, automators } = createPlugins(folder, folder);
    const switchedOn = await local.switchOnAll(new AbortController().signal, (error) =>
      log.error({ err: error }, "a node of this machine could not be switched on"),
    );
    if (switchedOn > 0) progress(`switched on ${switchedOn} of this machine's nodes, which were off`);
    const provisioner = createProvisioner({
      name: `${hostname()}-${process.pid}`,
      datacenter: "local",
      address,
      providers,
      automators,
      slots: Math.ceil(options.slots / STREAMS),
      streams: STREAMS,
      log,
    });
    provisioner.start();
    stops.push(() => provisioner.stop());

    return {
      url: gateway.url,
      nearUrl: near.url,
      fingerprint:
        tls === undefined ? undefined : tls === options.tls ? fingerprintOfPem(tls.cert) : certificates!.fingerprint,
      token,
      providers,
      isNew: ran.length > 0,
      stop,
      failed: kept.failed,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** How often it is looked whether a certificate has to be made again. */
const CERTIFICATES_MS = 6 * 3_600_000;

/** Renews what is due, again and again. @returns what ends that */
function keepCertificates(certificates: Certificates, log: Logger, show: (renewed: KeyPair) => void): () => void {
  const timer = setInterval(() => {
    certificates.renew().then(
      (renewed) => renewed !== undefined && show(renewed),
      (error: unknown) => log.error({ err: error }, "the server's certificate could not be renewed; it is tried again"),
    );
  }, CERTIFICATES_MS);
  return () => clearInterval(timer);
}

/** Work streams of the provisioner. */
const STREAMS = 2;

/** The token of the first administrator: made once, kept where only the owner of the folder can read it. */
async function firstToken(path: string, tokens: Tokens): Promise<string> {
  let token = "";
  try {
    token = readFileSync(path, "utf8").trim();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
  if ((await tokens.identify(token)) !== undefined) return token;
  token = await tokens.create(DEFAULT_TENANT, "admin", "admin", "first administrator");
  const part = `${path}.part`;
  writeFileSync(part, `${token}\n`, { mode: 0o600 });
  renameSync(part, path);
  return token;
}

/** A folder for the server's socket that nobody else can enter and whose path is short enough. */
function socketFolder(folder: string, stops: (() => void)[]): string {
  const inside = join(folder, "run");
  if (inside.length <= LONGEST_SOCKET_FOLDER) {
    mkdirSync(inside, { recursive: true, mode: 0o700 });
    chmodSync(inside, 0o700);
    rmSync(join(inside, "server.sock"), { force: true });
    return inside;
  }
  const made = mkdtempSync(join(tmpdir(), "loom-"));
  stops.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
