/** The output formats. Apart from what prints them, so that the command tree loads fast. */
export const FORMATS = ["table", "wide", "json", "jsonl", "yaml", "name"] as const;
export type Format = (typeof FORMATS)[number];
