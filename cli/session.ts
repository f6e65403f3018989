/** What every command gets: the terminal, the flags that all commands share, and the way to Loom. */
import type { LoomClient } from "../gateway/client.js";
import { resolveTarget, type Target } from "./context.js";
import { createPalette, wantsColour, type ColourChoice, type Palette } from "./render/colour.js";
import type { RenderContext } from "./render/table.js";
import type { Terminal } from "./terminal.js";

/** Flags that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly context?: string;
  readonly color?: ColourChoice;
  readonly verbose?: boolean;
  readonly debug?: boolean;
}

/** Flags of commands that print records. */
export interface OutputOptions {
  readonly output?: string;
  readonly columns?: string;
  /** False with `--no-header`. */
  readonly header?: boolean;
  readonly utc?: boolean;
}

export interface Session {
  readonly terminal: Terminal;
  readonly globals: GlobalOptions & OutputOptions;
  /** For data. */
  readonly outPalette: Palette;
  /** For talk. */
  readonly errPalette: Palette;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  /** Address and token; fails where none is named. */
  target(): Target;
  /** The client; connects at the first call. */
  api(): Promise<LoomClient>;
  /** A line of data on standard output. */
  print(text: string): void;
  /** A line of talk on standard error. */
  say(text: string): void;
  /** A line of talk that only `--verbose` shows. */
  detail(text: string): void;
  /** For tables on standard output, as of now. */
  renderContext(): RenderContext;
}

/** A call that answers once may take so long before the connection counts as lost, in milliseconds. */
const CALL_TIMEOUT = 60_000;

export function createSession(
  terminal: Terminal,
  globals: GlobalOptions & OutputOptions,
  signal: AbortSignal,
): Session {
  const choice = globals.color ?? "auto";
  const outPalette = createPalette(wantsColour(terminal.stdout, terminal.env, choice));
  const errPalette = createPalette(wantsColour(terminal.stderr, terminal.env, choice));
  let target: Target | undefined;
  let client: LoomClient | undefined;
  const say = (text: string): void => void terminal.stderr.write(`${text}\n`);
  const session: Session = {
    terminal,
    globals,
    outPalette,
    errPalette,
    signal,
    target: () => (target ??= resolveTarget(globals, terminal.env)),
    api: async () => {
      if (client === undefined) {
        const { url, token, fingerprint } = session.target();
        session.detail(`Loom at ${url}`);
        const { createLoomClient } = await import("../gateway/client.js");
        client = createLoomClient({
          url,
          token,
          timeoutMs: CALL_TIMEOUT,
          ...(fingerprint === undefined ? {} : { fingerprint }),
        });
      }
      return client;
    },
    print: (text) => void terminal.stdout.write(`${text}\n`),
    say,
    detail: (text) => {
      if (globals.verbose === true || globals.debug === true) say(errPalette.dim(text));
    },
    renderContext: () => ({ palette: outPalette, now: terminal.now(), utc: globals.utc === true }),
  };
  return session;
}
