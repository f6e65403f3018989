/** `loom strays` */
import { EXIT } from "../exit.js";
import { readPages } from "../pages.js";
import { STRAYS } from "../render/kinds/strays.js";
import { printRecords } from "../render/output.js";
import type { OutputOptions, Session } from "../session.js";

export async function run(session: Session, options: OutputOptions): Promise<number> {
  const api = await session.api();
  const { items, unreachable } = await readPages(async (page) => {
    const answer = await api.strays.listStrays(page, { signal: session.signal });
    return { items: answer.strays, nextPageToken: answer.nextPageToken, unreachable: answer.unreachable };
  });
  await printRecords(session, options, STRAYS, items, unreachable);
  return EXIT.done;
}
