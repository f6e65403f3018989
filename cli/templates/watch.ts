/** Waits for an author: for a file that is saved, or for the end. */
import { readFolder } from "../../services/common/read-folder.js";
import type { Session } from "../session.js";
import { ask } from "../terminal.js";

/** Between two looks at the folder, in milliseconds. Looking works in every file system, and with every editor. */
const EVERY_MS = 400;

export interface FolderWatch {
  /** What the folder holds now is what counts as unchanged from here on. */
  mark(): Promise<void>;
  /** Waits for a change; false where Enter or Ctrl-C ended the wait. */
  changed(): Promise<boolean>;
}

/** Watches the documents of a folder. */
export function watchFolder(session: Session, folder: string): FolderWatch {
  let marked = "";
  // One reader for all waits: what is typed goes to the first that asked.
  let enter: Promise<unknown> | undefined;
  let ended = false;
  const snapshot = async (): Promise<string | undefined> => {
    try {
      return JSON.stringify(await readFolder(folder));
    } catch {
      // An editor is just writing.
      return undefined;
    }
  };
  return {
    mark: async () => {
      marked = (await snapshot()) ?? "";
    },
    changed: async () => {
      const { terminal, signal } = session;
      if (terminal.stdin.isTTY === true)
        enter ??= ask(terminal, "", { signal }).then(() => {
          ended = true;
        });
      while (!ended && !signal.aborted) {
        const now = await snapshot();
        if (now !== undefined && now !== marked) return true;
        await Promise.race([
          terminal.pause(EVERY_MS, signal).catch(() => undefined),
          ...(enter === undefined ? [] : [enter]),
        ]);
      }
      return false;
    },
  };
}
