import assert from "node:assert/strict";
import { createSessionHub } from "./hub.js";
import type { SessionOffer } from "./types.js";

const offerOf = (): SessionOffer => ({
  provisioner: "p",
  serves: new Set(["docker"]),
  start: () => assert.fail("nothing is started here"),
});
const alive = new AbortController().signal;

describe("createSessionHub", () => {
  it("gives nothing to who has hung up before it asked, or while it waited", async () => {
    const hub = createSessionHub();
    const offer = offerOf();
    const stop = new AbortController();
    const waits = hub.take("docker", stop.signal);
    stop.abort();
    assert.equal(await waits, undefined);
    hub.offer(offer);
    for (let i = 0; i < 5; i += 1) assert.equal(await hub.take("docker", AbortSignal.abort()), undefined);
    assert.equal(await hub.take("docker", alive), offer);
  });

  it("offers again what is given back, to who waits as well, and not once it is withdrawn", async () => {
    const hub = createSessionHub();
    const offer = offerOf();
    const first = hub.take("docker", alive);
    const withdraw = hub.offer(offer);
    assert.equal(await first, offer);
    const next = hub.take("docker", alive);
    hub.giveBack(offer);
    assert.equal(await next, offer);
    hub.giveBack(offer);
    withdraw();
    const stop = new AbortController();
    const none = hub.take("docker", stop.signal);
    hub.giveBack(offer);
    stop.abort();
    assert.equal(await none, undefined);
  });
});
