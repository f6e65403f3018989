/** Messages as they come in. What cannot be read is not thrown where only the library would see it. */
import { LoomError } from "../../common/errors.js";

/** The largest message taken from a client: 4 MiB. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** Where the library itself gives up, with an error of its own that has no reason. */
export const HARD_LIMIT_BYTES = 4 * MAX_MESSAGE_BYTES;

/** A message, or why it is none. */
export type Incoming<Message> = { readonly message: Message } | { readonly error: LoomError };

/** Wraps a generated decoder so that it does not throw. */
export function reading<Message>(decode: (bytes: Buffer) => Message): (bytes: Buffer) => Incoming<Message> {
  return (bytes) => {
    if (bytes.length > MAX_MESSAGE_BYTES) {
      return {
        error: new LoomError(
          "MESSAGE_TOO_LARGE",
          `The message has ${bytes.length} bytes, and at most ${MAX_MESSAGE_BYTES} are taken. Send it in parts.`,
          {
            metadata: { bytes: String(bytes.length), limit: String(MAX_MESSAGE_BYTES) },
          },
        ),
      };
    }
    try {
      return { message: decode(bytes) };
    } catch (thrown) {
      return {
        error: new LoomError(
          "INVALID_FIELD",
          "The message cannot be read: it does not follow the contract of this call.",
          { cause: thrown },
        ),
      };
    }
  };
}

/** The message. Throws where it is none. */
export function unwrap<Message>(incoming: Incoming<Message>): Message {
  if ("error" in incoming) throw incoming.error;
  return incoming.message;
}
