/** A whole Loom whose clock of leases a test moves forward, and what tests of leases ask of it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { LeaseChange } from "../../services/server/leases/rules.js";
import type { ClusterView, EventView, JobView } from "../../services/server/views.js";
import { small } from "../chaos/operations.js";
import { CALLER, mutation, useLoom, type TestLoom } from "./loom.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Beside the templates of every test: one with all the rules of leases, one with a step alone. */
const TEMPLATES = `
kind: ClusterTemplate
name: leased
extends: small
lease: { initial: 8h, max: 3d, step: 1d }
---
kind: ClusterTemplate
name: stepped
extends: small
lease: { step: 1h }
`;

export interface LeaseBench {
  readonly loom: TestLoom;
  /** Milliseconds since 1970, as leases see it. */
  now(): number;
  /** Time goes on by so many milliseconds. */
  forward(ms: number): void;
  /** A cluster that is ACTIVE. */
  made(lease?: number, template?: string): Promise<ClusterView>;
  get(name: string): Promise<ClusterView>;
  change(name: string, to: LeaseChange, requestId?: string): Promise<ClusterView>;
  /** Loom looks at the leases, now. */
  pass(): Promise<number>;
  /** Newest first. */
  events(name: string, reason: string): Promise<EventView[]>;
  /** Newest first. */
  jobs(name: string): Promise<readonly JobView[]>;
  /** Time goes on until the lease of a cluster is over. */
  outlive(name: string): Promise<void>;
}

/** Call it in a `describe`. Each test begins with a Loom that lives and no faults. */
export function useLeases(): LeaseBench {
  let ahead = 0;
  let clusters = 0;
  const now = (): number => Date.now() + ahead;
  const loom = useLoom({ now, timing: { unreachableMs: 100 } });

  before(() =>
    loom.application.catalog.apply(CALLER, {
      files: [{ path: "leases.yaml", text: TEMPLATES }],
      shipped: false,
      requestId: randomUUID(),
      validateOnly: false,
    }),
  );

  beforeEach(async () => {
    loom.faults();
    if (loom.instance.isDead) await loom.restart();
    loom.instance.hooks = {};
  });

  const get = (name: string): Promise<ClusterView> => loom.application.clusters.get(CALLER, name);
  return {
    loom,
    now,
    get,
    forward(ms) {
      ahead += ms;
    },
    async made(lease, template = "small") {
      clusters += 1;
      const asked = { ...small(`l${clusters}`, randomUUID(), 2), template, ...(lease === undefined ? {} : { lease }) };
      const { name } = await loom.application.clusters.create(CALLER, asked);
      assert.equal((await loom.ended(name, 1)).state, "COMPLETE");
      return get(name);
    },
    change: (name, to, requestId = randomUUID()) =>
      loom.application.clusters.changeLease(CALLER, name, to, mutation(requestId)),
    pass: () => loom.server.leases.pass(),
    async events(name, reason) {
      const { items } = await loom.application.events.list(CALLER, name, { pageSize: 1000, pageToken: "" });
      return items.filter((event) => event.reason === reason);
    },
    async jobs(name) {
      return (await loom.application.jobs.list(CALLER, name, { pageSize: 1000, pageToken: "", states: [] })).items;
    },
    async outlive(name) {
      const { expireTime } = await get(name);
      ahead += Math.max(0, expireTime!.getTime() - now()) + 1000;
    },
  };
}
