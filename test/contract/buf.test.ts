/** What people do with buf: list the calls, make one, at the server and through the gateway, in every protocol. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { PUBLIC_SERVICES } from "../../gateway/services.js";
import { DESCRIPTORS } from "../../services/server/rpc/reflection.js";
import { memoryApplication } from "./memory-application.js";
import { useLoom } from "./use-loom.js";

const run = promisify(execFile);

/** Runs outside of the checkout: what buf knows, it knows from the server. */
async function curl(...args: string[]): Promise<string> {
  return (await run(resolve("node_modules/.bin/buf"), ["curl", "--http2-prior-knowledge", ...args], { cwd: tmpdir() }))
    .stdout;
}

const namesOf = (
  services: readonly { readonly typeName: string; readonly methods: readonly { readonly name: string }[] }[],
): string[] => services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`)).sort();
const lines = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .sort();

describe("buf", () => {
  const loom = useLoom({ application: memoryApplication().application });

  it("lists the public calls through the gateway", async () => {
    for (const protocol of ["grpc", "grpcweb", "connect"]) {
      assert.deepEqual(
        lines(await curl("--protocol", protocol, "--list-methods", loom().gateway.url)),
        namesOf(PUBLIC_SERVICES),
        protocol,
      );
    }
  });

  it("lists all calls at the server", async () => {
    const listed = await curl(
      "--protocol",
      "grpc",
      "--list-methods",
      "--unix-socket",
      loom().socket.slice("unix:".length),
      "http://localhost",
    );
    assert.deepEqual(lines(listed), namesOf(DESCRIPTORS));
  });

  for (const protocol of ["grpc", "grpcweb", "connect"]) {
    it(`makes a call in ${protocol}`, async () => {
      const answer = await curl(
        "--protocol",
        protocol,
        "-H",
        "authorization: Bearer viewer-token",
        "-d",
        '{"name":"clusters/demo-1s"}',
        `${loom().gateway.url}/loom.v1.ClusterService/GetCluster`,
      );
      assert.equal((JSON.parse(answer) as { displayName: string }).displayName, "demo");
    });
  }

  it("finds nothing wrong with the contract, nor with what changed in it", async () => {
    const buf = (...args: string[]) => run(resolve("node_modules/.bin/buf"), args);
    await buf("lint");
    await buf("format", "--diff", "--exit-code", "proto");
    await buf("breaking", "proto", "--against", "proto/baseline.binpb");
  });
});
