/** Connections of a client that trusts one certificate by its fingerprint: no request is written before it was seen. */
import { Agent, type AgentOptions } from "node:https";
import type { Duplex } from "node:stream";
import type { Fingerprint } from "../services/common/certificates/fingerprint.js";
import { connectPinned } from "../services/common/certificates/pin.js";

type Created = (error: Error | null, socket: Duplex) => void;

class PinnedAgent extends Agent {
  readonly #pin: Fingerprint;

  constructor(pin: Fingerprint) {
    super({ keepAlive: true });
    this.#pin = pin;
  }

  override createConnection(
    options: AgentOptions & { readonly host?: string; readonly port?: number | string; readonly servername?: string },
    created?: Created,
  ): undefined {
    const { host = "localhost", port = 443, servername } = options;
    connectPinned({ host, port: Number(port), ...(servername ? { servername } : {}) }, this.#pin).then(
      ({ socket }) => created!(null, socket),
      (thrown: Error) => created!(thrown, undefined as never),
    );
    return undefined;
  }
}

export function createPinnedAgent(pin: Fingerprint): Agent {
  return new PinnedAgent(pin);
}
