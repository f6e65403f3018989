/** How this Loom splits ids, fixed at its first start, and the shards that come with it. */
import { META_SHARD, homeShards, type IdSpace } from "../../common/ids.js";
import { LoomError } from "../../common/errors.js";
import type { Log } from "./log.js";
import type { Transactor } from "./transaction.js";

export interface Installation {
  readonly datacenter: string;
  readonly space: IdSpace;
  /** Shards of this datacenter, the meta shard among them, with their epochs. */
  readonly epochs: ReadonlyMap<number, bigint>;
}

/**
 * Reads what the first start wrote, or writes it. A wish that differs from what is stored is refused: ids in use would
 * change their shard.
 */
export async function openInstallation(
  transactor: Transactor,
  wish: { readonly datacenter: string; readonly space: IdSpace },
  now: () => Date,
): Promise<Installation> {
  return transactor.run("open installation", async (tx) => {
    await tx.query(
      "INSERT INTO installation (id, datacenter, ids_start, ids_increment, shards, created_at) VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
      [wish.datacenter, wish.space.start, wish.space.increment, wish.space.shards, now()],
    );
    const [row] = await tx.rows<{ datacenter: string; ids_start: number; ids_increment: number; shards: number }>(
      "SELECT datacenter, ids_start, ids_increment, shards FROM installation WHERE id = 1",
      [],
    );
    const space: IdSpace = { start: row!.ids_start, increment: row!.ids_increment, shards: row!.shards };
    if (
      space.start !== wish.space.start ||
      space.increment !== wish.space.increment ||
      space.shards !== wish.space.shards
    ) {
      throw new LoomError(
        "INVALID_CONFIG",
        `This data was made with ids.start ${space.start}, ids.increment ${space.increment} and ${space.shards} shards, which cannot be changed. Start with these, or on another data folder.`,
      );
    }
    for (const shard of [META_SHARD, ...homeShards(space)]) {
      await tx.query(
        `INSERT INTO shard_head (shard, epoch, owner_dc, state, next_seq, last_hash, db_incarnation) VALUES ($1, 1, $2, 'ACTIVE', 1, $3, '') ON CONFLICT DO NOTHING`,
        [shard, row!.datacenter, Buffer.alloc(32)],
      );
      await tx.query("INSERT INTO shard_fence (shard, epoch) VALUES ($1, 1) ON CONFLICT DO NOTHING", [shard]);
      if (shard !== META_SHARD)
        await tx.query("INSERT INTO shard_id (shard, next, upto) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING", [shard]);
    }
    const heads = await tx.rows<{ shard: number; epoch: bigint }>(
      "SELECT shard, epoch FROM shard_head WHERE owner_dc = $1",
      [row!.datacenter],
    );
    return { datacenter: row!.datacenter, space, epochs: new Map(heads.map((head) => [head.shard, head.epoch])) };
  });
}

/** The log of every shard begins with the record of its first epoch. */
export async function openEpochs(
  log: Log,
  installation: Installation,
  heads: ReadonlyMap<number, bigint>,
): Promise<void> {
  for (const [shard, epoch] of installation.epochs) {
    if ((heads.get(shard) ?? 0n) > 0n) continue;
    await log.append({ name: "open epoch", shard, epoch, tenant: "", actor: "" }, () =>
      Promise.resolve({
        bodies: [{ kind: "EpochStart", owner: installation.datacenter }],
        answer: () => Promise.resolve(),
      }),
    );
  }
}
