/** `--watch`: records drawn again whenever a stream tells of a change; plain lines where output is no terminal. */
import type { Message } from "@bufbuild/protobuf";
import { isTransient } from "./errors.js";
import { badInput } from "./exit.js";
import type { Feed } from "./feeds.js";
import { createLiveArea } from "./render/live.js";
import { formatOf, printValue } from "./render/format.js";
import { columnsOf, jsonOf, type RecordKind } from "./render/output.js";
import { tableLines } from "./render/table.js";
import type { OutputOptions, Session } from "./session.js";

/** Between two looks at Loom at least so many milliseconds, however many changes there are. */
const EVERY_MS = 200;

/**
 * Calls `look` at first and after every change that the feed reports, never twice at a time, until it answers true or
 * the feed has ended; after the feed's end it is called once more.
 *
 * @throws what the feed or `look` throws
 */
export async function watch(session: Session, feed: Feed, look: (lost: boolean) => Promise<boolean>): Promise<void> {
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort();
  session.signal.addEventListener("abort", onInterrupt, { once: true });
  let dirty = true;
  let ended = false;
  let lost = false;
  let failure: { readonly thrown: unknown } | undefined;
  let wake: () => void = () => undefined;
  const changed = (): void => {
    dirty = true;
    wake();
  };
  const feeding = feed(changed, (now) => ((lost = now), changed()), stop.signal)
    .catch((thrown: unknown) => void (failure = { thrown }))
    .finally(() => {
      ended = true;
      changed();
    });
  try {
    while (!stop.signal.aborted) {
      if (!dirty)
        await new Promise<void>(
          (resolve) => ((wake = resolve), stop.signal.addEventListener("abort", () => resolve(), { once: true })),
        );
      if (stop.signal.aborted) break;
      const last = ended;
      dirty = false;
      if (failure !== undefined) throw failure.thrown;
      // While the connection is lost there is nothing to be had; what is shown is marked as old.
      const begun = performance.now();
      try {
        if ((await look(lost)) || last) break;
      } catch (thrown) {
        if (!isTransient(thrown) || last) throw thrown;
        dirty = true;
        await look(true);
      }
      // A look at thousands of nodes takes long: at most half of the time is spent looking.
      await session.terminal.pause(Math.max(EVERY_MS, performance.now() - begun), stop.signal).catch(() => undefined);
    }
  } finally {
    session.signal.removeEventListener("abort", onInterrupt);
    stop.abort();
    await feeding;
  }
}

export interface WatchedRecords<T extends Message> {
  readonly kind: RecordKind<T>;
  snapshot(): Promise<readonly T[]>;
  readonly feed: Feed;
  /** True where nothing more can change. */
  isDone(records: readonly T[]): boolean;
  /** Lines above the table, on a terminal. */
  heading?(): readonly string[];
}

/** Shows records as they change. On a terminal in place; elsewhere, and with jsonl, each changed record once. */
export async function watchRecords<T extends Message>(
  session: Session,
  options: OutputOptions,
  watched: WatchedRecords<T>,
): Promise<void> {
  const format = formatOf(options);
  if (format === "json" || format === "yaml" || format === "name")
    throw badInput(`--watch cannot write ${format}.`, "Use -o jsonl: one line for each change.");
  const inPlace = session.terminal.stdout.isTTY === true && format !== "jsonl";
  const show = inPlace ? drawInPlace(session, options, watched) : printChanges(session, options, watched);
  let records: readonly T[] = [];
  try {
    await watch(session, watched.feed, async (lost) => {
      if (!lost) records = await watched.snapshot();
      await show.update(records, lost);
      return !lost && watched.isDone(records);
    });
  } finally {
    show.close();
  }
}

interface Shown<T> {
  update(records: readonly T[], lost: boolean): Promise<void>;
  close(): void;
}

function drawInPlace<T extends Message>(
  session: Session,
  options: OutputOptions,
  watched: WatchedRecords<T>,
): Shown<T> {
  const { stdout } = session.terminal;
  const area = createLiveArea(stdout);
  const columns = columnsOf(watched.kind, options);
  return {
    update: async (records, lost) => {
      const table =
        records.length === 0
          ? [watched.kind.empty]
          : tableLines(columns, records, session.renderContext(), {
              header: options.header !== false,
              width: stdout.columns === undefined ? undefined : stdout.columns - 1,
            });
      area.draw([
        ...(watched.heading?.() ?? []),
        ...table,
        ...(lost ? [session.outPalette.yellow("reconnecting; this is old")] : []),
      ]);
    },
    close: () => area.close(true),
  };
}

function printChanges<T extends Message>(
  session: Session,
  options: OutputOptions,
  watched: WatchedRecords<T>,
): Shown<T> {
  const { kind } = watched;
  const columns = columnsOf(kind, options);
  const widths = columns.map(() => 0);
  const known = new Map<string, string>();
  let header = options.header !== false;
  let wasLost = false;
  return {
    update: async (records, lost) => {
      if (lost !== wasLost) session.say(lost ? "The connection was lost; reconnecting." : "Connected again.");
      wasLost = lost;
      if (lost) return;
      const news = records.filter((record) => {
        const text = JSON.stringify(jsonOf(kind.schema, record));
        const isNew = known.get(kind.nameOf(record)) !== text;
        known.set(kind.nameOf(record), text);
        return isNew;
      });
      const present = new Set(records.map((record) => kind.nameOf(record)));
      for (const name of [...known.keys()].filter((one) => !present.has(one))) {
        known.delete(name);
        session.say(`${name} is gone from the list`);
      }
      if (news.length === 0) return;
      if (options.output === "jsonl")
        for (const record of news) await printValue(session, "jsonl", jsonOf(kind.schema, record));
      else
        for (const line of tableLines(columns, news, session.renderContext(), { header, widths })) session.print(line);
      header = false;
    },
    close: () => undefined,
  };
}
