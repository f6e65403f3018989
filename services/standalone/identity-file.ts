/** What a provisioner of another machine keeps in its folder: who it is, where it connects, and how it got there. */
import { createHash, X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LoomError } from "../common/errors.js";
import type { Identity } from "../provisioner/worker/enrolment.js";
import { folderError } from "./data-folder.js";

export interface Joined extends Identity {
  /** Where it connects, `host:port`. */
  readonly address: string;
  /** Hash of the token it joined with: the same token again is the same join. */
  readonly token: string;
}

/** A key that was made to join with, before anybody answered. */
export interface Asked {
  readonly key: string;
  readonly request: string;
  /** Hash of the token. */
  readonly token: string;
}

export interface IdentityFiles {
  /** Undefined where it never joined. @throws SECRET_UNREADABLE, FOLDER_UNUSABLE */
  joined(): Joined | undefined;
  asked(): Asked | undefined;
  /** Written whole, readable by its owner alone. */
  saveJoined(joined: Joined): void;
  saveAsked(asked: Asked): void;
}

export const hashOfToken = (token: string): string => createHash("sha256").update(token).digest("hex");

/** @param folder is there, and nobody else works in it */
export function identityFiles(folder: string): IdentityFiles {
  const identity = join(folder, "identity.json");
  const asked = join(folder, "joining.json");
  return {
    joined: () =>
      read<Joined>(folder, identity, (found) => {
        for (const field of ["id", "label", "address", "token"] as const)
          if (typeof found[field] !== "string" || found[field] === "") throw new Error(`no ${field}`);
        void new X509Certificate(found.certificate);
        void new X509Certificate(found.authority);
        if (typeof found.key !== "string") throw new Error("no key");
      }),
    asked: () =>
      read<Asked>(folder, asked, ({ key, request, token }) => {
        if (![key, request, token].every((text) => typeof text === "string" && text !== ""))
          throw new Error("not whole");
      }),
    saveJoined(value) {
      write(folder, identity, value);
      rmSync(asked, { force: true });
    },
    saveAsked: (value) => write(folder, asked, value),
  };
}

function read<T>(folder: string, path: string, check: (value: T) => void): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
    chmodSync(path, 0o600);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw folderError(folder, thrown);
  }
  try {
    const value = JSON.parse(text) as T;
    check(value);
    return value;
  } catch (thrown) {
    throw new LoomError(
      "SECRET_UNREADABLE",
      `${path} is damaged. Remove it, make a token with loom provisioner token, and join again.`,
      { metadata: { file: path }, cause: thrown },
    );
  }
}

function write(folder: string, path: string, value: object): void {
  const part = `${path}.part`;
  try {
    rmSync(part, { force: true });
    writeFileSync(part, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    renameSync(part, path);
  } catch (thrown) {
    throw folderError(folder, thrown);
  }
}
