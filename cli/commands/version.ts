/** `loom version` */
import { EXIT } from "../exit.js";
import { formatOf, printValue } from "../render/format.js";
import type { OutputOptions, Session } from "../session.js";
import { programVersion } from "../version.js";

export async function run(session: Session, options: OutputOptions & { readonly server?: boolean }): Promise<number> {
  const format = formatOf(options);
  const loom = programVersion();
  const api = options.server === true ? await session.api() : undefined;
  const server = await api?.system.getSystem({}, { signal: session.signal });
  if (format === "json" || format === "jsonl" || format === "yaml") {
    await printValue(
      session,
      format,
      server === undefined
        ? { loom }
        : { loom, server: { version: server.version, mode: server.mode, datacenter: server.datacenter } },
    );
    return EXIT.done;
  }
  session.print(`loom ${loom}`);
  if (server !== undefined)
    session.print(
      `server ${server.version}, ${server.mode}, datacenter ${server.datacenter} at ${session.target().url}`,
    );
  return EXIT.done;
}
