/** `loom events` */
import { Event_Severity, type Event } from "../../gen/web/loom/v1/event_pb.js";
import { badInput, EXIT } from "../exit.js";
import { follow } from "../follow.js";
import { findCluster } from "../names.js";
import { readPages } from "../pages.js";
import { EVENTS } from "../render/kinds/jobs.js";
import { formatOf, printValue } from "../render/format.js";
import { columnsOf, jsonOf, printRecords } from "../render/output.js";
import { tableLines } from "../render/table.js";
import type { OutputOptions, Session } from "../session.js";
import { statesOf } from "../states.js";

export interface EventsOptions extends OutputOptions {
  readonly follow?: boolean;
  readonly watch?: boolean;
  readonly limit?: number;
  readonly severity?: readonly string[];
}

export async function run(session: Session, options: EventsOptions, name?: string): Promise<number> {
  const severities = new Set(statesOf(Event_Severity as unknown as Record<string, Event_Severity>, options.severity));
  const isWanted = (event: Event): boolean => severities.size === 0 || severities.has(event.severity);
  const following = options.follow === true || options.watch === true;
  const format = formatOf(options);
  if (following && (format === "json" || format === "yaml"))
    throw badInput(`--follow cannot write ${format}.`, "Use -o jsonl: one line for each event.");
  const api = await session.api();
  const parent = name === undefined ? "" : (await findCluster(api, name, session.signal)).name;
  const { items, unreachable } = await readPages(async (page) => {
    const answer = await api.events.listEvents({ parent, ...page }, { signal: session.signal });
    return { items: answer.events, nextPageToken: answer.nextPageToken, unreachable: answer.unreachable };
  }, options.limit ?? 100);
  // Oldest first, as in any log: the newest stands next to the prompt.
  const past = items.filter(isWanted).reverse();
  if (!following) {
    await printRecords(session, options, EVENTS, past, unreachable);
    return EXIT.done;
  }
  const printer = createPrinter(session, options);
  await printer(past);
  const stream = follow(session, {
    open: (resumeToken, signal) => api.events.watchEvents({ parent, resumeToken }, { signal }),
    tokenOf: (message) => message.resumeToken,
    isLast: () => false,
    signal: session.signal,
    onReconnecting: (lost) => session.say(lost ? "The connection was lost; reconnecting." : "Connected again."),
  });
  const known = new Set(past.map((event) => event.name));
  for await (const message of stream)
    await printer(message.events.filter((event) => isWanted(event) && !known.has(event.name)));
  return EXIT.done;
}

/** Prints events as they come, in columns that stay in line. */
function createPrinter(session: Session, options: OutputOptions): (events: readonly Event[]) => Promise<void> {
  const format = formatOf(options);
  const columns = columnsOf(EVENTS, options);
  const widths = columns.map(() => 0);
  let header = options.header !== false;
  return async (events) => {
    if (events.length === 0) return;
    if (format === "jsonl")
      for (const event of events) await printValue(session, "jsonl", jsonOf(EVENTS.schema, event));
    else if (format === "name") for (const event of events) session.print(event.name);
    else {
      // A moment that is printed once and stays on the screen must not say "just now".
      const context = { ...session.renderContext(), utc: true };
      const { stdout } = session.terminal;
      for (const line of tableLines(columns, events, context, {
        header,
        widths,
        width: stdout.isTTY === true ? stdout.columns : undefined,
      }))
        session.print(line);
      header = false;
    }
  };
}
