/**
 * Takes secrets out of a text that comes in pieces. What could be the beginning of a secret is held back until the next
 * piece tells; overlapping secrets are masked whole.
 */

/** Stands for a secret. */
export const MASK = "******";

/** More than this is never held back: a run of overlapping secrets is masked and let go. */
const LONGEST_HOLD = 65_536;

export interface Masker {
  /** The part of everything so far that is certain and was not given yet. */
  push(text: string): string;
  /** The rest. */
  flush(): string;
}

/** A text with every secret replaced. */
export function mask(text: string, secrets: readonly string[]): string {
  const masker = createMasker(secrets);
  return masker.push(text) + masker.flush();
}

/** @param secrets texts never to be shown; as they stand inside JSON they are masked too */
export function createMasker(secrets: readonly string[]): Masker {
  const words = variants(secrets);
  if (words.length === 0) return { push: (text) => text, flush: () => "" };
  let held = "";
  return {
    push(text) {
      held += text;
      const found = spans(held, words);
      let until = heldFrom(held, words);
      // A secret that reaches into the uncertain part may be one piece with what follows.
      for (const span of found) if (span.start < until && span.end > until) until = span.start;
      if (held.length - until > LONGEST_HOLD) until = held.length;
      const shown = replace(
        held.slice(0, until),
        found.filter(({ start }) => start < until),
      );
      held = held.slice(until);
      return shown;
    },
    flush() {
      const shown = replace(held, spans(held, words));
      held = "";
      return shown;
    },
  };
}

interface Span {
  readonly start: number;
  end: number;
}

function variants(secrets: readonly string[]): string[] {
  const words = new Set<string>();
  for (const secret of secrets) {
    if (secret === "") continue;
    words.add(secret);
    words.add(JSON.stringify(secret).slice(1, -1));
  }
  return [...words];
}

/** Where secrets are, in order, overlapping ones as one. */
function spans(text: string, words: readonly string[]): Span[] {
  const found: Span[] = [];
  for (const word of words) {
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
      found.push({ start: at, end: at + word.length });
  }
  found.sort((a, b) => a.start - b.start);
  const merged: Span[] = [];
  for (const span of found) {
    const last = merged.at(-1);
    if (last !== undefined && span.start < last.end) last.end = Math.max(last.end, span.end);
    else merged.push(span);
  }
  return merged;
}

/** The earliest place from which the rest of the text is the beginning of a secret. */
function heldFrom(text: string, words: readonly string[]): number {
  let from = text.length;
  for (const word of words) {
    for (let length = Math.min(word.length - 1, text.length); length > text.length - from; length--) {
      if (text.endsWith(word.slice(0, length))) {
        from = text.length - length;
        break;
      }
    }
  }
  return from;
}

function replace(text: string, found: readonly Span[]): string {
  let shown = "";
  let at = 0;
  for (const { start, end } of found) {
    shown += text.slice(at, start) + MASK;
    at = end;
  }
  return shown + text.slice(at);
}
