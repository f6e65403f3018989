/** Mutations that may be repeated: the same request id is sent again when an answer was lost. */
import { randomUUID } from "node:crypto";
import { checkRequestId } from "../services/common/ids.js";
import { isRefused, isTransient } from "./errors.js";
import { CliError, EXIT } from "./exit.js";
import type { Session } from "./session.js";

/** Flags that every mutation takes. */
export interface MutationOptions {
  readonly requestId?: string;
  readonly dryRun?: boolean;
  readonly detailedExitCode?: boolean;
}

/** Milliseconds before each repetition. */
const PAUSES = [250, 500, 1000, 2000, 4000, 8000] as const;

/**
 * Sends a mutation. Where the connection is lost before the answer came, the same request is sent again with the same
 * request id, which gives the first answer again; the person is told. An address where nobody listens is not tried
 * again unless an earlier try may have arrived there.
 *
 * @param what for the person, for example `create hello`
 */
export async function mutate<T>(
  session: Session,
  options: MutationOptions,
  what: string,
  call: (requestId: string) => Promise<T>,
): Promise<T> {
  const requestId = options.requestId ?? randomUUID();
  checkRequestId(requestId);
  session.detail(`request ${requestId}`);
  let mayHaveArrived = false;
  for (let attempt = 0; ; attempt++) {
    try {
      return await call(requestId);
    } catch (thrown) {
      if (session.signal.aborted || !isTransient(thrown)) throw thrown;
      const refused = isRefused(thrown);
      mayHaveArrived ||= !refused;
      if (!mayHaveArrived) throw thrown;
      const pause = PAUSES[attempt];
      if (pause === undefined) throw unknownOutcome(what, requestId, thrown);
      session.say(
        `The connection was lost before the answer to "${what}" came. Sending the same request again (${attempt + 1} of ${PAUSES.length}).`,
      );
      await session.terminal.pause(pause, session.signal);
    }
  }
}

function unknownOutcome(what: string, requestId: string, cause: unknown): CliError {
  return new CliError(EXIT.unreachable, `Loom cannot be reached, and whether it accepted "${what}" is not known.`, {
    advice: [`Repeat the command with --request-id ${requestId}: it is then done once, not twice.`],
    reason: "OUTCOME_UNKNOWN",
    requestId,
    cause,
  });
}
