/** Where a value is in a document. */

/** Keys of mappings and indexes of lists, from the document down. */
export type Path = readonly (string | number)[];

const PLAIN = /^[A-Za-z_][\w-]*$/;

/**
 * The path as text: `constraints.services.web.min`, `links[0].url`. A key with other characters than letters, digits,
 * `_` and `-` stands in quotes, `services["web.v1"]`, so that two paths never have the same text.
 */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!PLAIN.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}
