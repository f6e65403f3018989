/** Shapes that many handlers share. */
import type { Mutation, PageRequest } from "../../application.js";

/** The paging fields of a request. */
export function pageOf(request: { readonly pageSize: number; readonly pageToken: string }): PageRequest {
  return { pageSize: request.pageSize, pageToken: request.pageToken };
}

/** The mutation fields of a request. */
export function mutationOf(request: {
  readonly requestId: string;
  readonly validateOnly: boolean;
  readonly etag: string;
}): Mutation {
  return { requestId: request.requestId, validateOnly: request.validateOnly, etag: request.etag };
}

/** The domain words for enum values that {@link file://../request-rules.ts} has let through. */
export function words<Domain, Wire>(
  pair: { fromWire(value: Wire): Domain | undefined },
  values: readonly Wire[],
): Domain[] {
  return values.flatMap((value) => pair.fromWire(value) ?? []);
}

/** Elements of an iterable, one by one, as something else. */
export async function* mapped<From, To>(
  source: AsyncIterable<From>,
  convert: (element: From) => To,
): AsyncGenerator<To> {
  for await (const element of source) yield convert(element);
}
