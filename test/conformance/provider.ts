/**
 * What every provider must do, whoever wrote it. A provider's own test calls {@link describeProvider}:
 *
 *     describeProvider("local", async () => ({ provider, fields, ... , dispose }), { commands: true });
 *
 * The suite makes machines of one made-up cluster for each test and deletes them all at the end.
 */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { MachineRequest, Provider } from "../../services/provisioner/providers/provider.js";
import { describeCommands } from "./commands.js";
import { context, machine, type ProviderUnderTest } from "./machines.js";

export { context, machine, run, type ProviderUnderTest } from "./machines.js";

export interface ProviderSuiteOptions {
  /** Commands really run on machines. False for a simulated provider. */
  readonly commands: boolean;
  /** Machines made at once in the test of many. */
  readonly many?: number;
  /** Milliseconds for each test. */
  readonly timeoutMs?: number;
}

/** Defines the suite. */
export function describeProvider(
  name: string,
  make: () => Promise<ProviderUnderTest>,
  options: ProviderSuiteOptions,
): void {
  describe(`provider ${name}`, function () {
    this.timeout(options.timeoutMs ?? 60_000);
    let under: ProviderUnderTest;
    let provider: Provider;
    let requests: MachineRequest[] = [];

    before(async () => {
      under = await make();
      provider = under.provider;
      assert.equal(await provider.unavailable(), undefined);
    });
    afterEach(async () => {
      await Promise.all(requests.map((request) => provider.delete(request, context())));
      requests = [];
    });
    after(async () => under?.dispose?.());

    /** Requests for `count` machines of a new cluster. */
    function cluster(count: number): MachineRequest[] {
      const uid = randomUUID();
      const made = Array.from({ length: count }, (_, index) => machine(under, uid, 1000 + index, 1));
      requests.push(...made);
      return made;
    }
    const one = (): MachineRequest => cluster(1)[0]!;
    const ours = async (from: Provider, of: readonly MachineRequest[]) =>
      (await from.inventory(under.fields)).filter((found) => of.some(({ token }) => token === found.token));

    it("makes a machine that runs, and tells it by its token", async () => {
      const request = one();
      assert.equal(await provider.observe(request), undefined);
      const created = await provider.create(request, context());
      const report = await provider.confirm({ ...request, results: created.results }, context());
      assert.ok(report.machine !== "");
      assert.ok(report.addresses["internal"], "an internal address");
      assert.ok(report.addresses["external"], "an external address");
      const observed = await provider.observe(request);
      assert.deepEqual({ token: observed?.token, running: observed?.running }, { token: request.token, running: true });
      const [listed, ...more] = await ours(provider, [request]);
      assert.deepEqual(more, []);
      // Both may be left out, but must not be wrong.
      assert.equal(listed!.clusterUid ?? request.clusterUid, request.clusterUid);
      assert.equal(listed!.nodeNumber ?? request.nodeNumber, request.nodeNumber);
    });

    it("makes one machine when asked twice, in a row and at once", async () => {
      const request = one();
      const first = await provider.create(request, context());
      const second = await provider.create(request, context());
      assert.equal(second.machine, first.machine);
      const other = one();
      const both = await Promise.all([provider.create(other, context()), provider.create(other, context())]);
      assert.equal(both[0].machine, both[1].machine);
      assert.equal((await ours(provider, [request, other])).length, 2);
    });

    it("tells the same addresses each time", async () => {
      const request = one();
      await provider.create(request, context());
      const first = await provider.confirm(request, context());
      const second = await provider.confirm(request, context());
      await provider.create(request, context());
      const third = await provider.confirm(request, context());
      assert.deepEqual(second.addresses, first.addresses);
      assert.deepEqual(third.addresses, first.addresses);
    });

    it("adopts a machine whose answer was lost, from another process", async function () {
      if (under.again === undefined) this.skip();
      const request = one();
      const created = await provider.create(request, context());
      const later = await under.again();
      const adopted = await later.create(request, context());
      assert.equal(adopted.machine, created.machine);
      assert.equal((await ours(later, [request])).length, 1);
      assert.equal((await later.observe(request))?.running, true);
      await later.delete(request, context());
      assert.equal(await provider.observe(request), undefined);
    });

    it("starts a stopped machine on confirm", async function () {
      if (under.powerOff === undefined) this.skip();
      const request = one();
      await provider.create(request, context());
      const before = await provider.confirm(request, context());
      await under.powerOff(request);
      assert.equal((await provider.observe(request))?.running, false);
      assert.equal((await ours(provider, [request]))[0]?.running, false);
      const after = await provider.confirm({ ...request, results: before.results }, context());
      assert.deepEqual(after.machine, before.machine);
      assert.equal((await provider.observe(request))?.running, true);
    });

    it("deletes a stopped machine", async function () {
      if (under.powerOff === undefined) this.skip();
      const request = one();
      await provider.create(request, context());
      await provider.confirm(request, context());
      await under.powerOff(request);
      await provider.delete(request, context());
      assert.equal(await provider.observe(request), undefined);
    });

    it("says that a machine is gone which was taken away", async function () {
      if (under.vanish === undefined) this.skip();
      const request = one();
      await provider.create(request, context());
      await provider.confirm(request, context());
      await under.vanish(request);
      assert.equal(await provider.observe(request), undefined);
      await assert.rejects(provider.confirm(request, context()), reason("MACHINE_MISSING"));
      await provider.delete(request, context());
    });

    it("does not confirm a machine that was never made", async () => {
      await assert.rejects(provider.confirm(one(), context()), reason("MACHINE_MISSING"));
    });

    it("deletes twice, and what was never there", async () => {
      const [request, never] = cluster(2) as [MachineRequest, MachineRequest];
      await provider.create(request, context());
      await provider.delete(request, context());
      await provider.delete(request, context());
      await provider.delete(never, context());
      assert.equal(await provider.observe(request), undefined);
      assert.deepEqual(await ours(provider, [request, never]), []);
      await Promise.all([provider.delete(request, context()), provider.delete(request, context())]);
    });

    it("makes a machine again after it was deleted", async () => {
      const request = one();
      await provider.create(request, context());
      await provider.delete(request, context());
      await provider.create(request, context());
      await provider.confirm(request, context());
      assert.equal((await provider.observe(request))?.running, true);
    });

    it("keeps an old incarnation apart from the new one", async () => {
      const uid = randomUUID();
      const old = machine(under, uid, 1000, 1);
      const next = machine(under, uid, 1000, 2);
      requests.push(old, next);
      await provider.create(old, context());
      await provider.create(next, context());
      assert.equal((await ours(provider, [old, next])).length, 2);
      await provider.delete(old, context());
      assert.equal((await provider.observe(next))?.token, next.token);
      assert.equal(await provider.observe(old), undefined);
    });

    it("makes many machines at once, each with an address of its own", async () => {
      const many = cluster(options.many ?? 20);
      await Promise.all(many.map((request) => provider.create(request, context())));
      const reports = await Promise.all(many.map((request) => provider.confirm(request, context())));
      assert.equal(new Set(reports.map(({ addresses }) => addresses["internal"])).size, many.length);
      assert.equal(new Set(reports.map(({ addresses }) => addresses["external"])).size, many.length);
      assert.equal(new Set(reports.map((report) => report.machine)).size, many.length);
      assert.equal((await ours(provider, many)).length, many.length);
      await Promise.all(many.map((request) => provider.delete(request, context())));
      assert.deepEqual(await ours(provider, many), []);
    });

    it("leaves one machine or none when a create is aborted at any moment, and goes on from there", async () => {
      for (const delayMs of [0, 1, 5, 20, 60]) {
        const request = one();
        const abort = new AbortController();
        const creating = provider.create(request, context(abort.signal)).then(
          () => undefined,
          () => undefined,
        );
        await sleep(delayMs);
        abort.abort();
        await creating;
        assert.ok((await ours(provider, [request])).length <= 1);
        await provider.create(request, context());
        await provider.confirm(request, context());
        assert.equal((await ours(provider, [request])).length, 1);
        await provider.delete(request, context());
        assert.deepEqual(await ours(provider, [request]), []);
      }
    });

    it("leaves nothing of a create that was aborted and is then deleted", async () => {
      const request = one();
      const abort = new AbortController();
      const creating = provider.create(request, context(abort.signal)).then(
        () => undefined,
        () => undefined,
      );
      await sleep(2);
      abort.abort();
      await creating;
      await provider.delete(request, context());
      assert.equal(await provider.observe(request), undefined);
      assert.deepEqual(await ours(provider, [request]), []);
    });

    it("does nothing for a call whose lease is lost already", async () => {
      const request = one();
      await assert.rejects(provider.create(request, context(AbortSignal.abort())));
      assert.equal(await provider.observe(request), undefined);
    });

    if (options.commands) describeCommands(() => ({ provider, request: one() }));
  });
}

function reason(expected: string): (error: unknown) => boolean {
  return (error) => (error as { reason?: string }).reason === expected;
}
