/** Where and why a text is not JSON (RFC 8259): what JSON.parse does not tell in a form that could be relied on. */

/** The first mistake in a text. */
export interface JsonFault {
  /** From 0, in UTF-16 units. */
  readonly offset: number;
  readonly message: string;
}

const SPACE = /[ \t\r\n]*/y;
/** Any UTF-16 unit but quotes, backslashes and those below the space stands for itself. */
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const PLAIN = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)(?![\w.+-])/y;

/** What may come next: a value; a key or the end of an empty object; a key; a colon; a comma or the end of what is open. */
type Expected = "value" | "valueOrEnd" | "keyOrEnd" | "key" | "colon" | "commaOrEnd";

const WORDS: Readonly<Record<Expected, string>> = {
  value: "a value",
  valueOrEnd: "a value or ]",
  keyOrEnd: "a key in double quotes or }",
  key: "a key in double quotes",
  colon: "a colon",
  commaOrEnd: "",
};

/** The first mistake, or undefined where the text is JSON. */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let at = 0;
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at += found[0].length;
    return found !== null;
  };
  const wrong = (): JsonFault => {
    const end = open.at(-1) === "{" ? "}" : "]";
    const wanted = expected === "commaOrEnd" ? `a comma or ${end}` : WORDS[expected];
    if (at >= text.length) return { offset: text.length, message: `The file ends where ${wanted} is missing.` };
    if (text[at] === '"' && expected !== "colon" && expected !== "commaOrEnd")
      return { offset: at, message: "This text in quotes has no end, or a character no JSON text may have." };
    return { offset: at, message: `Here should be ${wanted}, not ${JSON.stringify(text[at])}.` };
  };
  for (;;) {
    match(SPACE);
    const sign = text[at];
    const inside = open.at(-1);
    if (expected === "commaOrEnd") {
      if (inside === undefined)
        return at < text.length ? { offset: at, message: "The file goes on after its document." } : undefined;
      if (sign === ",") expected = inside === "{" ? "key" : "value";
      else if (sign === (inside === "{" ? "}" : "]")) open.pop();
      else return wrong();
      at += 1;
    } else if (expected === "colon") {
      if (sign !== ":") return wrong();
      at += 1;
      expected = "value";
    } else if (expected === "key" || expected === "keyOrEnd") {
      if (expected === "keyOrEnd" && sign === "}") {
        at += 1;
        open.pop();
        expected = "commaOrEnd";
      } else if (match(STRING)) expected = "colon";
      else return wrong();
    } else if (expected === "valueOrEnd" && sign === "]") {
      at += 1;
      open.pop();
      expected = "commaOrEnd";
    } else if (sign === "{" || sign === "[") {
      at += 1;
      open.push(sign);
      expected = sign === "{" ? "keyOrEnd" : "valueOrEnd";
    } else if (match(STRING) || match(PLAIN)) expected = "commaOrEnd";
    else return wrong();
  }
}
