/** A whole server that lets provisioners of other machines in, over real TLS, with a provisioner of its own machine. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fingerprint } from "../../services/common/certificates/fingerprint.js";
import { DEFAULT_ID_SPACE } from "../../services/common/ids.js";
import { silentLogger } from "../../services/common/log.js";
import { createShellAutomator } from "../../services/provisioner/automators/shell/shell.js";
import { createSimulatedProvider } from "../../services/provisioner/providers/simulated/provider.js";
import { createProvisioner } from "../../services/provisioner/worker/provisioner.js";
import { createPlanner } from "../../services/server/plan/thread.js";
import { createRpcServer } from "../../services/server/rpc/server.js";
import { createWorkerListener } from "../../services/server/rpc/worker-listener.js";
import { startServer, type Server } from "../../services/server/server.js";
import { createSecretBox } from "../../services/server/store/secrets.js";
import { openCertificates, type Certificates } from "../../services/standalone/certificates.js";
import { startJoined, type JoinedOptions, type JoinedProvisioner } from "../../services/standalone/joined.js";
import { useDatabase } from "./database.js";
import { CALLER, FAST, mutation } from "./loom.js";
import { until } from "./wait.js";

export interface JoiningLoom {
  readonly server: Server;
  readonly certificates: Certificates;
  /** Where provisioners connect. */
  readonly address: string;
  readonly port: number;
  readonly fingerprint: Fingerprint;
  /** Added to the clock of tokens and certificates, in milliseconds. */
  aheadMs: number;
  /** A folder that goes with the suite. */
  folder(): string;
  token(label?: string, ttlSeconds?: number): Promise<{ readonly token: string; readonly id: string }>;
  /** Starts a provisioner as on another machine; it is stopped with the test. */
  join(options?: Partial<JoinedOptions>): Promise<JoinedProvisioner & { readonly said: string[] }>;
  /** Makes a cluster and waits for its job; answers with the workers that ran its tasks. */
  create(displayName: string, provider: string): Promise<string[]>;
}

const CATALOG = (folder: string): string => `
kind: Provider
name: near
type: simulated
fields: { journal: ${folder}/near }
---
kind: Provider
name: far
type: simulated
provisioner: rack-2
fields: { journal: ${folder}/far }
---
kind: HardwareType
name: any
providers: { near: { flavor: any }, far: { flavor: any } }
---
kind: ImageType
name: any
providers: { near: { image: any }, far: { image: any } }
---
kind: Service
name: one
actions:
  start: { type: shell, fields: { script: "true" } }
---
kind: ClusterTemplate
name: plain
defaults: { services: [one], provider: near }
`;

/** Call it in a `describe`; it is up from the suite's own `before` hooks on. */
export function useJoiningLoom(): JoiningLoom {
  const db = useDatabase();
  let root: string;
  let server: Server;
  let certificates: Certificates;
  let port = 0;
  const stops: (() => Promise<unknown>)[] = [];
  const joined: JoinedProvisioner[] = [];
  const loom: JoiningLoom = {
    get server() {
      return server;
    },
    get certificates() {
      return certificates;
    },
    get address() {
      return `127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get fingerprint() {
      return certificates.fingerprint;
    },
    aheadMs: 0,
    folder: () => mkdtempSync(join(root, "f-")),
    async token(label = "rack-2", ttlSeconds = 0) {
      const made = await server.application.provisioners.invite(CALLER, {
        label,
        ttlSeconds,
        requestId: randomUUID(),
        validateOnly: false,
      });
      return { token: made.token, id: made.provisioner.id };
    },
    async join(options = {}) {
      const said: string[] = [];
      const started = await startJoined({
        folder: loom.folder(),
        address: loom.address,
        token: undefined,
        fingerprint: certificates.fingerprint,
        providers: ["simulated"],
        slots: 8,
        datacenter: "there",
        log: silentLogger,
        say: (line) => said.push(line),
        now: () => Date.now() + loom.aheadMs,
        ...options,
      });
      joined.push(started);
      return Object.assign(started, { said });
    },
    async create(displayName, provider) {
      const { name } = await server.application.clusters.create(CALLER, {
        requestId: randomUUID(),
        validateOnly: false,
        displayName,
        template: "plain",
        nodeCount: 3,
        description: "",
        provider,
        services: [],
        hardwareType: "",
        imageType: "",
        dnsSuffix: "",
        config: {},
        withDependencies: false,
      } as Parameters<typeof server.application.clusters.create>[1]);
      await until(`${name} is there`, async () => {
        server.hub.sweep();
        const { state } = await server.application.clusters.get(CALLER, name);
        if (state === "INCOMPLETE") throw new Error(`${name} is ${state}`);
        return state === "ACTIVE";
      });
      const { items } = await server.application.jobs.listTasks(CALLER, name, 1, {
        pageSize: 1000,
        pageToken: "",
        states: [],
        node: 0,
      });
      const attempts = await Promise.all(
        items.map(({ number }) => server.application.jobs.listAttempts(CALLER, name, 1, number)),
      );
      return [...new Set(attempts.flat().map(({ worker }) => worker))].sort();
    },
  };

  before(async function () {
    this.timeout(60_000);
    root = mkdtempSync(join(tmpdir(), "loom-join-"));
    const planner = createPlanner();
    stops.push(() => planner.stop());
    certificates = await openCertificates(root, () => ({ names: ["loom.test"], addresses: [] }));
    const now = (): number => Date.now() + loom.aheadMs;
    server = await startServer({
      database: db.database,
      datacenter: "local",
      space: DEFAULT_ID_SPACE,
      secrets: await createSecretBox(join(root, "secret.key")),
      version: "test",
      log: silentLogger,
      planner,
      holder: randomUUID(),
      soleOwner: true,
      timing: FAST,
      now,
      enrolment: {
        authority: certificates.authority,
        fingerprint: certificates.fingerprint,
        addresses: () => [loom.address],
      },
    });
    stops.push(() => server.stop());
    const parts = { application: server.application, hub: server.hub, log: silentLogger as never, version: "test" };
    const listener = createWorkerListener({
      ...parts,
      tls: certificates.server,
      authority: certificates.authority.cert,
      times: { recheckMs: 200 },
    });
    ({ port } = await listener.listen({ host: "127.0.0.1", port: 0 }));
    stops.push(() => listener.stop(500));
    const rpc = createRpcServer(parts);
    const address = await rpc.listen(`unix:${join(root, "s")}`);
    stops.push(() => rpc.stop(500));
    const near = createProvisioner({
      name: "near",
      address,
      providers: [createSimulatedProvider({ journal: join(root, "near") })],
      automators: [createShellAutomator()],
      slots: 8,
      streams: 1,
      log: silentLogger,
    });
    near.start();
    stops.push(() => near.stop());
    await until("the near provisioner is there", () => server.hub.offers().length > 0);
    await server.application.catalog.apply(CALLER, {
      files: [{ path: "c.yaml", text: CATALOG(root) }],
      shipped: false,
      requestId: randomUUID(),
      validateOnly: false,
    });
  });
  afterEach(async () => {
    loom.aheadMs = 0;
    await Promise.all(joined.splice(0).map((one) => one.stop()));
    const { provisioners } = server.application;
    const { items } = await provisioners.list(CALLER, { pageSize: 0, pageToken: "", showRevoked: false });
    for (const { id } of items) await provisioners.revoke(CALLER, id, mutation());
  });
  after(async function () {
    this.timeout(60_000);
    for (const stop of stops.reverse()) await stop();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  });
  return loom;
}
