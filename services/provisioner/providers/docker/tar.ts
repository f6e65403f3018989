/** A tar archive of a few small files, as the Docker Engine takes to put files into a container. Pure. */

export interface ArchiveFile {
  /** Absolute, below 100 bytes. */
  readonly path: string;
  /** Permission bits, for example 0o755. */
  readonly mode: number;
  readonly content: string;
}

const BLOCK = 512;

/** One header of the POSIX ustar format (pax(1)): numbers are octal text, the checksum counts its own field as blanks. */
function header(name: string, mode: number, size: number, type: "0" | "5"): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`;
  if (Buffer.byteLength(name) > 100) throw new RangeError(`"${name}" is too long a name for this archive.`);
  block.write(name, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write("ustar\0" + "00", 257);
  block.write("root", 265);
  block.write("root", 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** The archive, to be unpacked at `/`: the files and the folders named, all owned by root. */
export function archive(
  files: readonly ArchiveFile[],
  folders: readonly { readonly path: string; readonly mode: number }[] = [],
): Buffer {
  const parts: Buffer[] = [];
  for (const folder of folders) parts.push(header(`${folder.path.replace(/^\/+|\/+$/g, "")}/`, folder.mode, 0, "5"));
  for (const file of files) {
    const content = Buffer.from(file.content);
    parts.push(header(file.path.replace(/^\/+/, ""), file.mode, content.length, "0"), content);
    parts.push(Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}
