import assert from "node:assert/strict";
import { once } from "node:events";
import { RemoteError } from "../gateway/client.js";
import { fakeTerminal } from "../test/cli/fake-terminal.js";
import { CliError } from "./exit.js";
import { follow, GIVE_UP_MS, type FollowOptions } from "./follow.js";
import { createSession } from "./session.js";

interface Message {
  readonly token: string;
  readonly text: string;
}

/** A stream that fails before its first message. */
// oxlint-disable-next-line require-yield -- that is what it is for
async function* failing(error: () => RemoteError): AsyncGenerator<Message> {
  await Promise.resolve();
  throw error();
}

const unreachable = (): RemoteError => new RemoteError("UNREACHABLE", "nobody there", "");

describe("cli: follow", () => {
  const session = createSession({ ...fakeTerminal() }, { url: "http://127.0.0.1:1" }, new AbortController().signal);
  const options = (
    open: FollowOptions<Message>["open"],
    rest: Partial<FollowOptions<Message>> = {},
  ): FollowOptions<Message> => ({
    open,
    tokenOf: (message) => message.token,
    isLast: (message) => message.text === "last",
    signal: new AbortController().signal,
    ...rest,
  });
  const read = async (stream: AsyncIterable<Message>): Promise<string[]> => {
    const texts: string[] = [];
    for await (const message of stream) texts.push(message.text);
    return texts;
  };

  it("opens the stream again where it breaks, ends, or says nothing for too long", async () => {
    const tokens: string[] = [];
    const lost: boolean[] = [];
    const stream = follow(
      session,
      options(
        async function* (token, signal) {
          tokens.push(token);
          if (tokens.length === 1) {
            yield { token: "1", text: "a" };
            throw unreachable();
          }
          if (tokens.length === 2) throw unreachable();
          if (tokens.length === 3) {
            yield { token: "2", text: "b" };
            return;
          }
          if (tokens.length === 4) {
            yield { token: "3", text: "c" };
            await once(signal, "abort");
            throw new RemoteError("CANCELLED", "cancelled", "");
          }
          yield { token: "4", text: "last" };
        },
        { silenceMs: 20, onReconnecting: (now) => lost.push(now) },
      ),
    );
    assert.deepEqual(await read(stream), ["a", "b", "c", "last"]);
    assert.deepEqual(tokens, ["", "1", "1", "2", "3"]);
    assert.deepEqual(lost, [true, false, true, false, true, false]);
  });

  it("ends with the signal, without an error", async () => {
    const stop = new AbortController();
    const stream = follow(
      session,
      options(
        async function* (_, signal) {
          yield { token: "1", text: "a" };
          setImmediate(() => stop.abort());
          await once(signal, "abort");
          throw new RemoteError("CANCELLED", "cancelled", "");
        },
        { signal: stop.signal },
      ),
    );
    assert.deepEqual(await read(stream), ["a"]);
  });

  it("gives up when Loom stays away", async () => {
    let now = 0;
    const slow = createSession(
      { ...fakeTerminal(), now: () => (now += GIVE_UP_MS / 10) },
      { url: "http://127.0.0.1:1" },
      new AbortController().signal,
    );
    let tries = 0;
    const stream = follow(
      slow,
      options(() => failing(() => (tries++, unreachable()))),
    );
    await assert.rejects(read(stream), (thrown) => thrown instanceof CliError && thrown.exit === 5);
    assert.ok(tries > 5);
  });

  it("passes on what a new connection does not mend", async () => {
    const stream = follow(
      session,
      options(() => failing(() => new RemoteError("JOB_NOT_FOUND", "no", ""))),
    );
    await assert.rejects(read(stream), /no/);
  });
});
