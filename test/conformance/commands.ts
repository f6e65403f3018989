/** Commands on machines; a part of the suite in provider.ts. */
import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeChannel } from "../../services/provisioner/automators/channel.js";
import type { MachineRequest, Provider } from "../../services/provisioner/providers/provider.js";
import { context, run } from "./machines.js";

/** @param make the provider, and a new machine's request that the suite deletes afterwards */
export function describeCommands(make: () => { readonly provider: Provider; readonly request: MachineRequest }): void {
  describe("commands", () => {
    let provider: Provider;
    let request: MachineRequest;
    let channel: NodeChannel;

    beforeEach(async () => {
      ({ provider, request } = make());
      const created = await provider.create(request, context());
      const confirmed = await provider.confirm({ ...request, results: created.results }, context());
      request = { ...request, results: { ...created.results, ...confirmed.results } };
      channel = provider.channel(request);
    });

    it("have the home folder, environment, input, both outputs and the exit code", async () => {
      const answer = await run(
        channel,
        ["sh", "-c", 'test -d "$1" && printf "%s|" "$GREETING" && cat && echo oops >&2; exit 7', "sh", channel.home],
        {
          env: { GREETING: 'it\'s "so"\n$HOME' },
          input: "from input\n",
        },
      );
      assert.deepEqual(answer, { exitCode: 7, stdout: 'it\'s "so"\n$HOME|from input\n', stderr: "oops\n" });
    });

    it("carry a large input and a large output unharmed", async () => {
      const input = "0123456789abcdé\n".repeat(20_000);
      const answer = await run(channel, ["cat"], { input });
      assert.equal(answer.exitCode, 0);
      assert.ok(answer.stdout === input, `${answer.stdout.length} of ${input.length} characters came back`);
    });

    it("tell 127 for a command that is not there", async () => {
      assert.equal((await run(channel, ["sh", "-c", "no-such-command-here"])).exitCode, 127);
      assert.ok([126, 127].includes((await run(channel, ["/no/such/command"])).exitCode));
    });

    it("tell 128 + n for a command that signal n ended", async () => {
      assert.equal((await run(channel, ["sh", "-c", "kill -9 $$"])).exitCode, 137);
    });

    it("run several at once", async () => {
      const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => run(channel, ["sh", "-c", `echo ${n}`])));
      assert.deepEqual(
        answers.map(({ stdout }) => stdout),
        ["1\n", "2\n", "3\n", "4\n", "5\n"],
      );
    });

    it("show output as it comes", async () => {
      const abort = new AbortController();
      let seen: () => void = () => {};
      const first = new Promise<void>((resolve) => (seen = resolve));
      const running = channel
        .run(["sh", "-c", "echo now; exec sleep 300"], { signal: abort.signal, onOutput: () => seen() })
        .catch(() => undefined);
      await first;
      abort.abort();
      await running;
    });

    it("end on this side when aborted", async () => {
      const abort = new AbortController();
      const running = channel.run(["sh", "-c", "exec sleep 300"], { signal: abort.signal, onOutput: () => {} });
      setImmediate(() => abort.abort());
      const ended = await Promise.race([
        running.then(
          () => "ended",
          () => "ended",
        ),
        sleep(20_000, "still running", { ref: false }),
      ]);
      assert.equal(ended, "ended");
    });

    it("cannot run on a machine that is gone", async () => {
      await provider.delete(request, context());
      await assert.rejects(run(channel, ["true"]));
    });

    it("find the shell and the tools that Loom's own files need", async () => {
      const answer = await run(channel, [
        "sh",
        "-c",
        "command -v sh flock setsid tail head mkfifo sed grep stat mktemp",
      ]);
      assert.equal(answer.exitCode, 0, answer.stdout);
    });
  });
}
