/** `loom login` and `loom context`. */
import {
  checkFingerprint,
  checkUrl,
  fingerprintFrom,
  readContexts,
  readTokenFile,
  saveContexts,
  writeContext,
} from "../context.js";
import { badInput, EXIT } from "../exit.js";
import { didYouMean } from "../../services/server/catalog/suggest.js";
import { formatOf, printValue } from "../render/format.js";
import { pickColumns, tableLines, type Column } from "../render/table.js";
import type { OutputOptions, Session } from "../session.js";
import { ask, readAll } from "../terminal.js";

export interface LoginOptions {
  readonly tokenFile?: string;
  readonly name?: string;
  readonly fingerprint?: string;
}

export async function login(session: Session, options: LoginOptions, address: string): Promise<number> {
  const url = checkUrl(address);
  const { hostname, protocol, host } = new URL(url);
  if (protocol === "http:" && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)) {
    session.say(
      `${session.errPalette.yellow("warning:")} ${url} is not encrypted: others on the way can read the token.`,
    );
  }
  const fingerprint =
    options.fingerprint === undefined
      ? fingerprintFrom(session.terminal.env, url)
      : checkFingerprint(options.fingerprint, url);
  const trusted = fingerprint === undefined ? {} : { fingerprint };
  const token = await readToken(session, options.tokenFile);
  const { createLoomClient } = await import("../../gateway/client.js");
  const identity = await createLoomClient({ url, token, timeoutMs: 30_000, ...trusted }).system.getIdentity(
    {},
    { signal: session.signal },
  );
  const name = options.name ?? host.replace(/[^A-Za-z0-9._-]/g, "-");
  const path = writeContext({ name, url, token, ...trusted }, session.terminal.env);
  session.say(
    `Signed in to ${url} as ${identity.user} (${identity.role} of ${identity.tenant}). Context ${name} is in ${path}.`,
  );
  return EXIT.done;
}

/** From the file, from the person, or from what is piped in. Never from an argument: other users could see it. */
async function readToken(session: Session, file: string | undefined): Promise<string> {
  if (file !== undefined && file !== "-") return readTokenFile(file);
  const { stdin } = session.terminal;
  const text =
    stdin.isTTY === true && file !== "-"
      ? await ask(session.terminal, "Token: ", { hidden: true, signal: session.signal })
      : await readAll(stdin);
  const token = (text ?? "").trim();
  if (token === "")
    throw badInput("No token was given.", "Type it at the prompt, pipe it in, or name a file with --token-file.");
  if (/\s/.test(token)) throw badInput("The token holds blanks or line breaks, so it is not a token of Loom.");
  return token;
}

interface Row {
  readonly name: string;
  readonly url: string;
  readonly current: boolean;
  readonly hasToken: boolean;
}

const COLUMNS: readonly Column<Row>[] = [
  { name: "current", value: (row) => (row.current ? "*" : "") },
  { name: "name", value: (row) => row.name },
  { name: "url", value: (row) => row.url, flexible: true },
  { name: "token", value: (row) => (row.hasToken ? "stored" : "none") },
];

/** Lists the contexts; tokens are never shown. */
export async function contextList(session: Session, options: OutputOptions): Promise<number> {
  const format = formatOf(options);
  const file = readContexts(session.terminal.env);
  const rows = Object.entries(file.contexts).map(([name, entry]) => ({
    name,
    url: entry.url,
    current: name === file.current,
    hasToken: entry.token !== "",
  }));
  if (format === "name") for (const row of rows) session.print(row.name);
  else if (format === "jsonl") for (const row of rows) await printValue(session, "jsonl", row);
  else if (format === "json" || format === "yaml") await printValue(session, format, { contexts: rows });
  else if (rows.length === 0) session.say("No contexts. Make one with: loom login URL");
  else {
    const context = session.renderContext();
    for (const line of tableLines(pickColumns(COLUMNS, options.columns, format === "wide"), rows, context, {
      header: options.header !== false,
    }))
      session.print(line);
  }
  return EXIT.done;
}

export async function contextUse(session: Session, _options: object, name: string): Promise<number> {
  const file = readContexts(session.terminal.env);
  const known = Object.keys(file.contexts);
  if (!known.includes(name))
    throw badInput(
      `There is no context ${name}. ${didYouMean(name, known)}`.trimEnd(),
      `Contexts: ${known.length === 0 ? "none" : known.join(", ")}.`,
    );
  saveContexts(session.terminal.env, { ...file, current: name });
  session.say(`Now in use: ${name}, ${file.contexts[name]!.url}`);
  return EXIT.done;
}

export async function contextRemove(session: Session, _options: object, name: string): Promise<number> {
  const file = readContexts(session.terminal.env);
  const contexts = { ...file.contexts };
  if (!Object.hasOwn(contexts, name))
    throw badInput(`There is no context ${name}.`, `Contexts: ${Object.keys(contexts).join(", ") || "none"}.`);
  delete contexts[name];
  saveContexts(session.terminal.env, { current: file.current === name ? "" : file.current, contexts });
  session.say(`Removed context ${name}. Its token is still valid at the server.`);
  return EXIT.done;
}
