import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { IdentifyResponseSchema } from "../gen/web/loom/internal/v1/identity_pb.js";
import { LoomError } from "../services/common/errors.js";
import { createIdentities } from "./identity.js";

describe("identities", () => {
  let valid: boolean;
  let broken: boolean;
  let asked: number;
  const serviceError = (code: status) =>
    Object.assign(new Error("x"), { code, details: "x", metadata: new Metadata() });
  const upstream = {
    async identify(token: string) {
      asked += 1;
      if (broken) throw serviceError(status.UNAVAILABLE);
      if (!valid || token !== "right") throw serviceError(status.UNAUTHENTICATED);
      return create(IdentifyResponseSchema, { tenant: "t", user: "u", role: "viewer", credential: "c" });
    },
  };
  beforeEach(() => {
    valid = true;
    broken = false;
    asked = 0;
  });
  const reason = (promise: Promise<unknown>) =>
    promise.then(
      () => "none",
      (error: unknown) => (error instanceof LoomError ? error.reason : "other"),
    );

  it("are asked for once by calls that come together, and kept for a while", async () => {
    const identities = createIdentities(upstream, 60_000);
    await Promise.all([identities.resolve("Bearer right"), identities.resolve("bearer  right ")]);
    assert.deepEqual(await identities.resolve("Bearer right"), {
      tenant: "t",
      user: "u",
      role: "viewer",
      credential: "c",
    });
    assert.equal(asked, 1);
  });

  it("end with the revocation of their token, as soon as they are asked for again", async () => {
    const identities = createIdentities(upstream, 0);
    await identities.resolve("Bearer right");
    valid = false;
    assert.equal(await reason(identities.resolve("Bearer right")), "UNAUTHENTICATED");
  });

  it("are asked for again after a failure", async () => {
    const identities = createIdentities(upstream, 60_000);
    broken = true;
    assert.equal(await reason(identities.resolve("Bearer right")), "other");
    broken = false;
    assert.equal(await reason(identities.resolve("Bearer right")), "none");
  });

  for (const header of [
    null,
    "",
    "Bearer",
    "Bearer ",
    "Basic right",
    "right",
    "Bearer right wrong",
    `Bearer ${"x".repeat(5_000)}`,
  ]) {
    it(`are not asked for by ${JSON.stringify(header)?.slice(0, 30)}`, async () => {
      assert.equal(await reason(createIdentities(upstream).resolve(header)), "UNAUTHENTICATED");
      assert.equal(asked, 0);
    });
  }
});
