/** One line in the log for each request: who asked what, how it ended, how long it took. Never a body. */
import { randomUUID } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { REQUEST_ID_KEY } from "../../common/caller-metadata.js";
import type { LoomError } from "../../common/errors.js";
import type { Caller } from "../application.js";
import { metadataText } from "./identity.js";
import type { RpcName } from "./rpc-names.js";

export interface CallLog {
  /** Names the request in logs and in errors. */
  readonly requestId: string;
  /** Known as soon as the caller is. */
  caller(caller: Caller): void;
  /** How it ended; undefined where all was well. */
  ended(error: LoomError | undefined): void;
}

/** Calls that only Loom's own processes make, every few seconds. */
const QUIET: ReadonlySet<RpcName> = new Set<RpcName>(["IdentityService.Identify"]);

export function startCallLog(rpc: RpcName, metadata: Metadata, log: Logger): CallLog {
  const given = metadataText(metadata, REQUEST_ID_KEY) ?? "";
  const requestId = /^[0-9A-Za-z-]{1,64}$/.test(given) ? given : randomUUID();
  const start = performance.now();
  let who: { readonly user?: string; readonly tenant?: string } = {};
  return {
    requestId,
    caller({ user, tenant }) {
      if (user !== "") who = { user, tenant };
    },
    ended(error) {
      const line = {
        requestId,
        rpc,
        ...who,
        code: error?.code ?? "OK",
        durationMs: Math.round((performance.now() - start) * 10) / 10,
      };
      if (error === undefined) {
        log[QUIET.has(rpc) ? "debug" : "info"](line, "request");
      } else if (error.code === "INTERNAL") {
        log.error({ ...line, reason: error.reason, err: error.cause ?? error }, "request failed");
      } else {
        log.info({ ...line, reason: error.reason, problem: error.message }, "request refused");
      }
    },
  };
}
