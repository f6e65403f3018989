/** Bytes of a record's body: JSON, deflated. What is hashed, stored and later sent to other datacenters. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { RECORD_FORMAT, type RecordBody } from "./types.js";

/** Largest body that is read back, in bytes: a cluster of 10,000 nodes takes about 4 MB. */
const LARGEST_BODY = 256 * 1024 * 1024;

export function encodeBody(body: RecordBody): Buffer {
  return deflateRawSync(Buffer.from(JSON.stringify(body)), { level: 1 });
}

/** @throws Error where a newer program wrote the record */
export function decodeBody(bytes: Uint8Array, format: number): RecordBody {
  if (format !== RECORD_FORMAT) {
    throw new Error(
      `a record has format ${format}, this program reads ${RECORD_FORMAT}: start the newer program again`,
    );
  }
  return JSON.parse(inflateRawSync(bytes, { maxOutputLength: LARGEST_BODY }).toString("utf8")) as RecordBody;
}
