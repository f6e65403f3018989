/**
 * Connections to hosts, shared by all that use a host: one for each, another one where so many channels are open on it
 * that its sshd would refuse more. A connection that nobody uses is closed after some seconds.
 */
import type { Client, ClientChannel, ExecOptions } from "ssh2";
import type { Duplex } from "node:stream";
import { LoomError } from "../../../common/errors.js";
import { connect } from "./connect.js";
import { unreachable } from "./failures.js";
import type { SshSettings, Target } from "./settings.js";

/** Channels on one connection; sshd's MaxSessions is 10 where nothing is said. */
const MOST_CHANNELS = 8;
/** Ways through a host are no sessions for it. */
const MOST_WAYS = 64;
/** How long a connection that nobody uses stays, in milliseconds. */
const IDLE_MS = 5_000;

interface Connection {
  readonly client: Promise<Client>;
  users: number;
  most: number;
  isGone: boolean;
  timer: NodeJS.Timeout | undefined;
}

export interface Connections {
  /**
   * Starts a command; its channel must be closed by the caller.
   *
   * @throws as {@link connect}
   */
  exec(settings: SshSettings, target: Target, command: string, options?: ExecOptions): Promise<ClientChannel>;
  /** Connections made so far. */
  readonly opened: number;
}

export function createConnections(idleMs: number = IDLE_MS): Connections {
  const byHost = new Map<string, Connection[]>();
  let opened = 0;

  function leave(connection: Connection): void {
    connection.users -= 1;
    if (connection.users > 0 || connection.isGone) return;
    connection.timer = setTimeout(() => {
      connection.isGone = true;
      connection.client.then(
        (client) => client.end(),
        () => undefined,
      );
    }, idleMs);
  }

  function open(key: string, settings: SshSettings, target: Target, most: number): Connection {
    opened += 1;
    const made = async (): Promise<Client> => {
      if (settings.jump === undefined || target === settings.jump) return connect(settings, target, undefined);
      return connect(settings, target, await through(settings, settings.jump, target));
    };
    const connection: Connection = { client: made(), users: 0, most, isGone: false, timer: undefined };
    const gone = (): void => {
      connection.isGone = true;
      clearTimeout(connection.timer);
      const rest = (byHost.get(key) ?? []).filter((other) => other !== connection);
      if (rest.length > 0) byHost.set(key, rest);
      else byHost.delete(key);
    };
    connection.client.then((client) => {
      // It may have gone in this very moment.
      client.once("close", gone);
    }, gone);
    byHost.set(key, [...(byHost.get(key) ?? []), connection]);
    return connection;
  }

  /** A connection with room, and one more user of it. */
  function enter(settings: SshSettings, target: Target, most: number): Connection {
    const { address, port, user, hostKey } = target;
    const key = JSON.stringify([address, port, user, hostKey, most, settings.identity]);
    const free = byHost.get(key)?.find((one) => !one.isGone && one.users < one.most);
    const connection = free ?? open(key, settings, target, most);
    connection.users += 1;
    clearTimeout(connection.timer);
    return connection;
  }

  async function use<T extends Duplex>(
    settings: SshSettings,
    target: Target,
    most: number,
    start: (client: Client, done: (error: Error | undefined, channel: T) => void) => void,
  ): Promise<T> {
    for (;;) {
      const connection = enter(settings, target, most);
      try {
        const client = await connection.client;
        const channel = await new Promise<T>((resolve, reject) => {
          const broke = (): void => reject(unreachable(target, "the connection broke"));
          client.once("close", broke);
          start(client, (error, made) => {
            client.removeListener("close", broke);
            if (error === undefined || error === null) resolve(made);
            else reject(error);
          });
        });
        channel.once("close", () => leave(connection));
        return channel;
      } catch (thrown) {
        leave(connection);
        if (thrown instanceof LoomError) throw thrown;
        // A host may allow fewer channels than is usual. Alone on its connection there is no way round it.
        if (connection.users === 0 || connection.isGone) throw unreachable(target, (thrown as Error).message, thrown);
        connection.most = Math.min(connection.most, connection.users);
      }
    }
  }

  function through(settings: SshSettings, jump: Target, target: Target): Promise<Duplex> {
    return use<ClientChannel>(settings, jump, MOST_WAYS, (client, done) =>
      client.forwardOut("127.0.0.1", 0, target.address, target.port, done),
    ).catch((thrown: unknown) => {
      const cause = thrown as LoomError;
      if (cause.metadata?.["host"] === undefined || cause.reason !== "PROVIDER_UNREACHABLE") throw thrown;
      throw unreachable(target, `the way through ${jump.address} does not work (${cause.message})`, thrown);
    });
  }

  return {
    exec: (settings, target, command, options = {}) =>
      use<ClientChannel>(settings, target, MOST_CHANNELS, (client, done) => client.exec(command, options, done)),
    get opened() {
      return opened;
    },
  };
}
