/** Nodes of a parsed YAML document to JSON values, with aliases written out and everything counted. */
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Alias, Pair, ParsedNode, Scalar } from "yaml";
import { MAX_DOCUMENT_BYTES, MAX_NESTING } from "./limits.js";
import type { Path } from "./paths.js";
import type { Json } from "./types.js";

/** A value with what it costs. */
export interface Converted {
  readonly value: Json;
  /** Levels of mappings and lists; 0 for a plain value. */
  readonly height: number;
  /** Bytes as JSON, about. */
  readonly weight: number;
}

export interface Converter {
  /** What the documents are: the items of a list, or the node itself. */
  roots(contents: ParsedNode): readonly ParsedNode[];
  /** Undefined where the document is too large; what has no form in JSON is null. Both are reported. */
  convert(root: ParsedNode): Converted | undefined;
  /** Where the value at the path, or what holds it, starts. */
  offsetOf(root: ParsedNode, path: Path, part: "key" | "value"): number;
}

type Node = ParsedNode | null;

const EMPTY: Converted = { value: null, height: 0, weight: 4 };
/** Neither the database nor UTF-8 can hold these: NUL, and half of a surrogate pair. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;
const WHOLE_NUMBER = /^[-+]?(\d+|0x[0-9a-fA-F]+|0o[0-7]+)$/;

/** Thrown inside only: the document is larger than it may be. */
class TooLarge extends Error {}

/**
 * Makes the converter of one YAML document.
 *
 * @param budget bytes that all documents of the file may take together; counted down
 */
export function createConverter(
  budget: { left: number },
  report: (offset: number, message: string, suggestion?: string) => void,
): Converter {
  const anchors = new Map<string, { node: ParsedNode; converted: Converted | undefined }>();
  const targets = new Map<Alias, ParsedNode>();
  let weight = 0;

  function wrong(node: Node, message: string, suggestion?: string): Converted {
    report(start(node), message, suggestion);
    return EMPTY;
  }

  function spend(bytes: number): void {
    weight += bytes;
    budget.left -= bytes;
    if (weight > MAX_DOCUMENT_BYTES || budget.left < 0) throw new TooLarge();
  }

  function visit(node: Node, depth: number): Converted {
    if (node === null) return EMPTY;
    if (isAlias(node)) return alias(node as Alias.Parsed, depth);
    const anchor = (node as { anchor?: string }).anchor;
    const entry = { node, converted: undefined as Converted | undefined };
    if (anchor !== undefined) anchors.set(anchor, entry);
    const before = weight;
    const { value, height } = isScalar(node) ? scalar(node) : collection(node, depth);
    entry.converted = { value, height, weight: weight - before };
    return entry.converted;
  }

  function collection(node: ParsedNode, depth: number): { value: Json; height: number } {
    if (depth >= MAX_NESTING) return wrong(node, `Mappings and lists are nested more than ${MAX_NESTING} levels deep.`);
    spend(2);
    let height = 0;
    const inner = (child: Node): Json => {
      spend(1);
      const converted = visit(child, depth + 1);
      height = Math.max(height, converted.height);
      return converted.value;
    };
    if (isSeq(node)) {
      const value = (node.items as Node[]).map(inner);
      return { value, height: height + 1 };
    }
    if (!isMap(node)) return wrong(node, "This is neither a mapping, nor a list, nor a plain value.");
    const entries = new Map<string, Json>();
    for (const pair of node.items as Pair<Node, Node>[]) {
      const key = keyText(pair.key);
      if (typeof key !== "string") wrong(pair.key ?? node, key.message, key.suggestion);
      else if (entries.has(key)) {
        wrong(pair.key, `The key "${shorten(key)}" is here twice.`, "Remove one of the two.");
        inner(pair.value);
      } else {
        spend(key.length + 3);
        entries.set(key, inner(pair.value));
      }
    }
    return { value: Object.fromEntries(entries), height: height + 1 };
  }

  function scalar(node: Scalar): { value: Json; height: number } {
    const { value } = node;
    if (typeof value === "string") {
      spend(Buffer.byteLength(value) + 2);
      return UNSTORABLE.test(value)
        ? wrong(
            node as ParsedNode,
            "The text holds a NUL character or half of a surrogate pair, which cannot be stored.",
          )
        : { value, height: 0 };
    }
    spend(4);
    if (value === null || typeof value === "boolean") return { value, height: 0 };
    if (typeof value !== "number")
      return wrong(node as ParsedNode, "This value has no form in JSON.", "Put it into quotes.");
    const written = node.source ?? "";
    if (!Number.isFinite(value))
      return wrong(
        node as ParsedNode,
        `${shorten(written)} is not a number that JSON knows.`,
        "Put it into quotes where text is meant.",
      );
    if (!Number.isSafeInteger(value) && WHOLE_NUMBER.test(written) && !isExact(written, value)) {
      return wrong(
        node as ParsedNode,
        `The number ${shorten(written)} is too large to be kept exactly.`,
        "Put it into quotes.",
      );
    }
    return { value: value === 0 ? 0 : value, height: 0 };
  }

  function alias(node: Alias.Parsed, depth: number): Converted {
    const anchor = anchors.get(node.source);
    if (anchor === undefined) return wrong(node, `Nothing above has the anchor &${shorten(node.source)}.`);
    if (anchor.converted === undefined) return wrong(node, `The anchor &${shorten(node.source)} holds itself.`);
    targets.set(node, anchor.node);
    if (depth + anchor.converted.height > MAX_NESTING) {
      return wrong(
        node,
        `With the alias *${shorten(node.source)} written out, mappings and lists are nested more than ${MAX_NESTING} levels deep.`,
      );
    }
    spend(anchor.converted.weight);
    return anchor.converted;
  }

  function resolved(node: Node): Node {
    return node !== null && isAlias(node) ? (targets.get(node) ?? node) : node;
  }

  return {
    roots: (contents) => (isSeq(contents) ? (contents.items as ParsedNode[]) : [contents]),

    convert(root) {
      weight = 0;
      try {
        return visit(root, 0);
      } catch (thrown) {
        if (!(thrown instanceof TooLarge)) throw thrown;
        if (weight > MAX_DOCUMENT_BYTES) {
          report(
            start(root),
            `The document is larger than ${MAX_DOCUMENT_BYTES / 1024} KiB, aliases written out.`,
            "Move large texts out of the catalog: a script can fetch what it needs.",
          );
        } else
          report(
            start(root),
            "The documents of this file are too large together, aliases written out.",
            "Split the file.",
          );
        return undefined;
      }
    },

    offsetOf(root, path, part) {
      let node: Node = root;
      let offset = start(root);
      for (const [index, step] of path.entries()) {
        const holder = resolved(node);
        if (isSeq(holder) && typeof step === "number") node = (holder.items[step] as Node | undefined) ?? null;
        else if (isMap(holder)) {
          const pair = (holder.items as Pair<Node, Node>[]).find((item) => keyText(item.key) === step);
          if (pair === undefined) break;
          node = pair.value;
          offset = start(pair.key);
          if (part === "key" && index === path.length - 1) break;
        } else break;
        if (node === null) break;
        // What is written below its key, or not at all, people look for at the key.
        const below = (isMap(node) || isSeq(node)) && node.flow !== true;
        const nothing = isScalar(node) && node.value === null && node.source === "";
        if (!((below || nothing) && typeof step === "string")) offset = start(node);
      }
      return offset;
    },
  };
}

/** True where the whole number is the value itself, or just how a number of JSON that large is written. */
function isExact(written: string, value: number): boolean {
  return written === String(value) || BigInt(written.replace(/^[-+]/, "")) === BigInt(Math.abs(value));
}

/** The key as JSON has it, or what is wrong with it. */
function keyText(key: Node): string | { readonly message: string; readonly suggestion: string } {
  if (key === null || !isScalar(key))
    return { message: "A key must be plain text.", suggestion: "Put it into quotes." };
  const text = typeof key.value === "string" ? key.value : (key.source ?? "");
  if (text === "" && typeof key.value !== "string")
    return { message: "A key is missing before the colon.", suggestion: "" };
  if (text === "<<")
    return {
      message: "Merge keys (<<) are not supported.",
      suggestion: "Write the fields out, or use an alias as a whole value.",
    };
  if (text === "__proto__") return { message: 'The key "__proto__" is not allowed.', suggestion: "" };
  if (UNSTORABLE.test(text))
    return {
      message: "The key holds a NUL character or half of a surrogate pair, which cannot be stored.",
      suggestion: "",
    };
  return text;
}

function start(node: Node): number {
  return node?.range?.[0] ?? 0;
}

/** Texts of people in messages, not longer than a line. */
export function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
