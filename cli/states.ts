/** `--state` of lists. */
import { didYouMean } from "../services/server/catalog/suggest.js";
import { badInput } from "./exit.js";

/**
 * The enum values of state names in any case.
 *
 * @param names a generated enum: names to numbers and back
 * @throws CliError where one does not exist
 */
export function statesOf<S extends number>(
  names: Readonly<Record<string, S | string>>,
  texts: readonly string[] | undefined,
): S[] {
  const known = Object.keys(names).filter((name) => !/^\d+$/.test(name) && name !== "UNSPECIFIED");
  return (texts ?? []).map((text) => {
    const found = known.find((name) => name === text.toUpperCase());
    if (found === undefined) {
      throw badInput(
        `There is no state ${text}. ${didYouMean(text.toUpperCase(), known)}`.trimEnd(),
        `States: ${known.join(", ").toLowerCase()}.`,
      );
    }
    return names[found] as S;
  });
}
