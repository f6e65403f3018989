/** Reads lists page by page. */

interface PageOf<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
  readonly unreachable?: readonly string[];
}

const PAGE_SIZE = 1000;

/**
 * All items of a list, or the first `limit` of them.
 *
 * @returns the items, and the datacenters that could not be reached while reading
 */
export async function readPages<T>(
  read: (page: { readonly pageSize: number; readonly pageToken: string }) => Promise<PageOf<T>>,
  limit = Number.POSITIVE_INFINITY,
): Promise<{ readonly items: T[]; readonly unreachable: string[] }> {
  const items: T[] = [];
  const unreachable = new Set<string>();
  let pageToken = "";
  do {
    const page = await read({ pageSize: Math.min(PAGE_SIZE, limit - items.length), pageToken });
    items.push(...page.items);
    for (const name of page.unreachable ?? []) unreachable.add(name);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && items.length < limit);
  return { items: items.slice(0, limit), unreachable: [...unreachable] };
}
