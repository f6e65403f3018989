/** Taking apart the stream in which Docker sends stdout and stderr. */

/**
 * Returns a function that is fed the bytes of the stream as they come. Every frame is a byte that says which stream
 * (1 stdout, 2 stderr), three empty bytes, the length as 32 bits, big endian, and so many bytes (Docker Engine API,
 * "Attach to a container", stream format). Parts of frames are handed on as they come.
 */
export function createDemux(emit: (stream: "stdout" | "stderr", bytes: Uint8Array) => void): (chunk: Buffer) => void {
  let head = Buffer.alloc(0);
  let stream: "stdout" | "stderr" = "stdout";
  let left = 0;
  return (chunk) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        const part = rest.subarray(0, 8 - head.length);
        head = Buffer.concat([head, part]);
        rest = rest.subarray(part.length);
        if (head.length < 8) return;
        stream = head[0] === 2 ? "stderr" : "stdout";
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
        continue;
      }
      const part = rest.subarray(0, left);
      rest = rest.subarray(part.length);
      left -= part.length;
      emit(stream, part);
    }
  };
}
