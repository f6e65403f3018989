/**
 * Macros in texts: `%host.service.web%`, `%join(map(ip.service.web,'$:80'),' ')%` and the like
 * (docs/reference/catalog.md, "Macros"). Pure.
 *
 * Text between two `%` is a macro only where it looks like one: it begins like a macro, or has no spaces outside of
 * quotes and none but the characters macros are made of. Everything else is literal, so `100% of it, or 50%` stays as
 * it is; `%%` stands for one `%`.
 */

/** What a macro names before `join` and `map` shape it. */
export type MacroTerm =
  | { readonly kind: "owner" }
  | { readonly kind: "hostSelf" }
  | { readonly kind: "addressSelf"; readonly purpose: string }
  | { readonly kind: "instance"; readonly service: string }
  | { readonly kind: "count"; readonly service: string }
  | { readonly kind: "hosts"; readonly service: string; readonly index: number | undefined }
  | {
      readonly kind: "addresses";
      readonly service: string;
      readonly purpose: string;
      readonly index: number | undefined;
    };

export interface Macro {
  readonly term: MacroTerm;
  /** `$` in it stands for the element, `$$` for a `$`; undefined without map. */
  readonly pattern: string | undefined;
  /** Between the elements of a list. */
  readonly separator: string;
}

export type MacroToken =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "macro"; readonly macro: Macro; readonly offset: number; readonly text: string }
  | { readonly kind: "wrong"; readonly offset: number; readonly text: string; readonly message: string };

/** What can stand between two `%` of a macro. */
const LOOKS_LIKE_MACRO = /^(?:[A-Za-z0-9_.\-[\](),$]|'[^'%]*'|"[^"%]*")+$/;
/** Without a dot or a parenthesis nothing is a macro; `%d%` and the like are left alone. */
const HAS_SHAPE = /[.(]/;
/** What begins like this was meant as a macro, whatever follows. */
const BEGINS_LIKE_MACRO = /^(?:(?:cluster|host|ip|num|instance)\.|(?:join|map)\()/;

const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ["bind_v4", "internal"],
  ["access_v4", "external"],
]);

/** Splits a text into literal parts and macros; wrong macros are tokens too. */
export function parseMacros(text: string): MacroToken[] {
  const tokens: MacroToken[] = [];
  let literal = "";
  const flush = (): void => {
    if (literal !== "") tokens.push({ kind: "text", text: literal });
    literal = "";
  };
  for (let at = 0; at < text.length;) {
    const percent = text.indexOf("%", at);
    if (percent === -1) {
      literal += text.slice(at);
      break;
    }
    literal += text.slice(at, percent);
    if (text[percent + 1] === "%") {
      literal += "%";
      at = percent + 2;
      continue;
    }
    const end = text.indexOf("%", percent + 1);
    const inner = end === -1 ? "" : text.slice(percent + 1, end);
    const isWhole = LOOKS_LIKE_MACRO.test(inner);
    if (!BEGINS_LIKE_MACRO.test(inner) && !(isWhole && HAS_SHAPE.test(inner))) {
      literal += "%";
      at = percent + 1;
      continue;
    }
    flush();
    const parsed = isWhole ? parseInner(inner) : WRONG_SHAPE;
    tokens.push(
      typeof parsed === "string"
        ? { kind: "wrong", offset: percent, text: `%${inner}%`, message: parsed }
        : { kind: "macro", macro: parsed, offset: percent, text: `%${inner}%` },
    );
    at = end + 1;
  }
  flush();
  return tokens;
}

/** Wrong macros of a text with where they stand, from 0, in UTF-16 units. */
export function macroProblems(text: string): { offset: number; length: number; message: string }[] {
  if (!text.includes("%")) return [];
  return parseMacros(text).flatMap((token) =>
    token.kind === "wrong" ? [{ offset: token.offset, length: token.text.length, message: token.message }] : [],
  );
}

const CALL = /^(join|map)\((.*),('[^']*'|"[^"]*")\)$/;

const WRONG_SHAPE = "It must be name, map(name,'…') or join(…,'…'), with no spaces outside of the quotes.";

/** A macro, or what is wrong with it. */
function parseInner(inner: string): Macro | string {
  let rest = inner;
  let separator = ",";
  let pattern: string | undefined;
  const join = CALL.exec(rest);
  if (join?.[1] === "join") {
    separator = join[3]!.slice(1, -1);
    rest = join[2]!;
  }
  const map = CALL.exec(rest);
  if (map?.[1] === "map") {
    pattern = map[3]!.slice(1, -1);
    rest = map[2]!;
  }
  if (/[(),'"$]/.test(rest)) return WRONG_SHAPE;
  const term = parseTerm(rest);
  return typeof term === "string" ? term : { term, pattern, separator };
}

const KNOWN =
  "Known are cluster.owner, host.self, host.service.NAME, ip.self, ip.service.NAME, ip.PURPOSE.self, ip.PURPOSE.service.NAME, num.service.NAME and instance.self.service.NAME.";

function parseTerm(text: string): MacroTerm | string {
  const indexed = /^([^[\]]+)(?:\[(\d{1,6})\])?$/.exec(text);
  if (indexed === null) return "An index is written [0], with the number of a node among those of the service.";
  const name = indexed[1]!;
  const index = indexed[2] === undefined ? undefined : Number(indexed[2]);
  const hosts = /^host\.service\.(.+)$/.exec(name);
  if (hosts !== null) return { kind: "hosts", service: hosts[1]!, index };
  const plain = /^ip\.service\.(.+)$/.exec(name);
  if (plain !== null) return { kind: "addresses", service: plain[1]!, purpose: "internal", index };
  const purposed = /^ip\.([A-Za-z0-9_-]+)\.service\.(.+)$/.exec(name);
  if (purposed !== null) return { kind: "addresses", service: purposed[2]!, purpose: purposeOf(purposed[1]!), index };
  if (index !== undefined) return `Only lists of nodes take an index. ${KNOWN}`;
  if (name === "cluster.owner") return { kind: "owner" };
  if (name === "host.self") return { kind: "hostSelf" };
  if (name === "ip.self") return { kind: "addressSelf", purpose: "internal" };
  const self = /^ip\.([A-Za-z0-9_-]+)\.self$/.exec(name);
  if (self !== null) return { kind: "addressSelf", purpose: purposeOf(self[1]!) };
  const count = /^num\.service\.(.+)$/.exec(name);
  if (count !== null) return { kind: "count", service: count[1]! };
  const instance = /^instance\.self\.service\.(.+)$/.exec(name);
  if (instance !== null) return { kind: "instance", service: instance[1]! };
  return `There is no macro "${name}". ${KNOWN}`;
}

const purposeOf = (name: string): string => SYNONYMS.get(name) ?? name;
