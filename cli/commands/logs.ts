/** `loom logs`: what scripts printed, first what is stored, then what comes. */
import type { LoomClient } from "../../gateway/client.js";
import {
  ReadLogsResponse_Stream as Stream,
  ReadLogsResponseSchema,
  type ReadLogsResponse,
} from "../../gen/web/loom/v1/job_pb.js";
import { badInput, EXIT } from "../exit.js";
import { isTransient } from "../errors.js";
import { GIVE_UP_MS } from "../follow.js";
import { parseReference } from "../names.js";
import { createLogPrinter } from "../render/log.js";
import { printValue } from "../render/format.js";
import { jsonOf } from "../render/output.js";
import { jobEnded } from "../render/words.js";
import type { OutputOptions, Session } from "../session.js";
import { findJob } from "./jobs.js";

export interface LogsOptions extends OutputOptions {
  readonly job?: number;
  readonly task?: number;
  readonly node?: number;
  readonly attempt?: number;
  readonly follow?: boolean;
  /** False with `--no-prefix`. */
  readonly prefix?: boolean;
}

export async function run(session: Session, options: LogsOptions, name: string): Promise<number> {
  const format = options.output ?? "table";
  if (format !== "table" && format !== "jsonl")
    throw badInput(`Logs cannot be written as ${format}.`, "Leave -o away for text, or give -o jsonl.");
  const reference = parseReference(name);
  const cluster = reference.node === undefined ? name : name.replace(/\/nodes\/\d+$/, "");
  const api = await session.api();
  const job = await findJob(session, api, cluster, options.job);
  const task = reference.task ?? options.task;
  if (options.attempt !== undefined && task === undefined)
    throw badInput("--attempt needs --task: tries are counted for each task.");
  const request = {
    name: task === undefined ? job.name : `${job.name}/tasks/${task}`,
    attempt: options.attempt ?? 0,
    node: reference.node ?? options.node ?? 0,
    follow: options.follow === true && !jobEnded(job),
  };
  const printer = createLogPrinter((line) => session.print(line), session.outPalette, options.prefix !== false);
  let printed = false;
  for await (const piece of pieces(session, api, request)) {
    printed = true;
    if (format === "jsonl") await printValue(session, "jsonl", jsonOf(ReadLogsResponseSchema, piece));
    else printer.add(piece);
  }
  printer.end();
  if (!printed) session.say(jobEnded(job) ? "Nothing was printed." : "Nothing was printed yet.");
  return EXIT.done;
}

type Request = Parameters<LoomClient["jobs"]["readLogs"]>[0] & { readonly follow: boolean };

/** The pieces of a log. A lost connection is opened again, and what was received before is left out. */
async function* pieces(session: Session, api: LoomClient, request: Request): AsyncGenerator<ReadLogsResponse> {
  const received = new Map<string, number>();
  let lostSince: number | undefined;
  for (let pause = 250; ; pause = Math.min(pause * 2, 5000)) {
    const skip = new Map(received);
    try {
      for await (const piece of api.jobs.readLogs(request, { signal: session.signal })) {
        if (lostSince !== undefined) session.say("Connected again.");
        lostSince = undefined;
        pause = 250;
        if (piece.stream === Stream.UNSPECIFIED) continue;
        const key = `${piece.task} ${piece.attempt} ${piece.stream}`;
        const known = skip.get(key) ?? 0;
        skip.set(key, Math.max(0, known - piece.text.length));
        if (known >= piece.text.length) continue;
        const text = piece.text.slice(known);
        received.set(key, (received.get(key) ?? 0) + text.length);
        yield { ...piece, text };
      }
      return;
    } catch (thrown) {
      if (session.signal.aborted) return;
      const now = session.terminal.now();
      if (!request.follow || !isTransient(thrown) || now - (lostSince ?? now) > GIVE_UP_MS) throw thrown;
      if (lostSince === undefined) session.say("The connection was lost; reconnecting.");
      lostSince ??= now;
    }
    await session.terminal.pause(pause, session.signal);
  }
}
