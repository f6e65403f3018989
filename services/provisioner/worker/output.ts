/**
 * What a task prints, on its way into log chunks: valid UTF-8 whatever the borders of the pieces, secrets masked, cut
 * at line ends where there are some, at most 64 KiB each, and no more than 10 MB of each stream.
 */
import { StringDecoder } from "node:string_decoder";
import { createMasker, type Masker } from "./mask.js";

/** Most characters of a chunk: 16 Ki of up to 4 bytes each stay within 64 KiB. */
const CHUNK_CHARACTERS = 16_384;
/** Most bytes of each stream of an attempt. */
export const STREAM_LIMIT = 10_000_000;
/** What was printed is shown after so many milliseconds, also without a line end. */
const FLUSH_MS = 100;

export type StreamName = "stdout" | "stderr";

export interface Output {
  write(stream: StreamName, bytes: Uint8Array): void;
  /** A line of Loom's own, in its place between what the script prints. */
  line(text: string): void;
  /** The last line with something in it on a stream so far, masked, 300 characters at most. */
  lastLine(stream: StreamName): string;
  /** Everything that is still held; nothing may be written afterwards. */
  end(): void;
}

/** @param emit gets the chunks of each stream in order, numbered from 0 */
export function createOutput(
  secrets: readonly string[],
  emit: (stream: StreamName, text: string, sequence: number) => void,
): Output {
  const stdout = createStream(secrets, (text, sequence) => emit("stdout", text, sequence));
  const stderr = createStream(secrets, (text, sequence) => emit("stderr", text, sequence));
  const of = { stdout, stderr };
  let timer: NodeJS.Timeout | undefined;
  return {
    write(stream, bytes) {
      of[stream].write(bytes);
      timer ??= setTimeout(() => {
        timer = undefined;
        stdout.flush();
        stderr.flush();
      }, FLUSH_MS).unref();
    },
    line(text) {
      this.write("stdout", Buffer.from(`${text}\n`));
    },
    lastLine: (stream) => of[stream].lastLine(),
    end() {
      clearTimeout(timer);
      stdout.end();
      stderr.end();
    },
  };
}

interface StreamOutput {
  write(bytes: Uint8Array): void;
  flush(): void;
  lastLine(): string;
  end(): void;
}

function createStream(secrets: readonly string[], emit: (text: string, sequence: number) => void): StreamOutput {
  const decoder = new StringDecoder("utf8");
  const masker: Masker = createMasker(secrets);
  let waiting = "";
  let sequence = 0;
  let bytesLeft = STREAM_LIMIT;
  let last = "";

  function take(text: string): void {
    if (text === "" || bytesLeft <= 0) return;
    let kept = text;
    let bytes = Buffer.byteLength(text);
    if (bytes > bytesLeft) {
      // A character cut in two at the limit is dropped with the rest.
      kept = new StringDecoder("utf8").write(Buffer.from(text).subarray(0, bytesLeft));
      kept += `\n[Loom keeps the first ${STREAM_LIMIT / 1_000_000} MB of each stream; the rest is not shown]\n`;
      bytes = bytesLeft;
    }
    bytesLeft -= bytes;
    waiting += kept;
    while (waiting.length >= CHUNK_CHARACTERS) send(cut(waiting));
  }

  /** How much of the text makes a chunk: up to its last line end, or all where a line is longer than a chunk. */
  function cut(text: string): number {
    const lineEnd = text.lastIndexOf("\n", CHUNK_CHARACTERS - 1);
    if (lineEnd >= 0) return lineEnd + 1;
    const half = text.charCodeAt(CHUNK_CHARACTERS - 1);
    // Never between the two halves of a character beyond the first 65,536.
    return half >= 0xd800 && half <= 0xdbff ? CHUNK_CHARACTERS - 1 : CHUNK_CHARACTERS;
  }

  function send(length: number): void {
    const text = waiting.slice(0, length);
    waiting = waiting.slice(length);
    const line = text.trimEnd().split("\n").at(-1)!.trim();
    if (line !== "") last = line;
    emit(text, sequence);
    sequence += 1;
  }

  return {
    write: (bytes) => take(masker.push(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))),
    flush() {
      const half = waiting.charCodeAt(waiting.length - 1);
      if (waiting !== "" && !(half >= 0xd800 && half <= 0xdbff)) send(waiting.length);
    },
    lastLine: () => last.slice(0, 300),
    end() {
      take(masker.push(decoder.end()));
      take(masker.flush());
      if (waiting !== "") send(waiting.length);
    },
  };
}
