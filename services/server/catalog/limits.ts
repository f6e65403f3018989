/** How much a catalog may hold. What is larger is refused with a problem, never read half. */

/** Bytes of one file, in UTF-8. */
export const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Bytes of one document as JSON, aliases written out. Also the most a document may take in its file. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;
/**
 * Levels of mappings and lists in one document. A level of free-form configuration is three messages on the wire, and
 * Protocol Buffers readers commonly stop at 100.
 */
export const MAX_NESTING = 32;
/** Tokens of one file; what a file of the largest size holds when it is no attack. */
export const MAX_TOKENS = 2_000_000;
/** Documents in one file. */
export const MAX_DOCUMENTS = 10_000;
/** Problems given for one file; what comes after is counted, not listed. */
export const MAX_PROBLEMS = 500;
/** Bytes of a cluster's whole configuration as JSON: every task carries what it may see of it. */
export const MAX_CONFIG_BYTES = 256 * 1024;
