/** `make run`: all of Loom on this machine, with a first cluster to look at. */
import { join } from "node:path";
import { pino } from "pino";
import { writeContext } from "../../cli/context.js";
import { processTerminal } from "../../cli/terminal.js";
import { programVersion } from "../../cli/version.js";
import { createLoomClient } from "../../gateway/client.js";
import { LoomError } from "../common/errors.js";
import { createLogger } from "../common/log.js";
import { askedProvider, chooseProvider, ensureFarm, loadShippedCatalog } from "./first-farm.js";
import { readOptions, USAGE, type MainOptions } from "./options.js";
import { startStandalone, type Standalone } from "./start.js";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** What a person reads of an error; anything unknown with its stack. */
function explain(thrown: unknown): string {
  const error = LoomError.from(thrown);
  if (error.reason === "INTERNAL")
    return `loom: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
  return `loom: ${error.message} (${error.reason})`;
}

async function main(options: MainOptions): Promise<number> {
  const started = performance.now();
  const log = createLogger(
    options.logLevel,
    pino.destination({ dest: join(options.folder, "loom.log"), mkdir: true, append: true, sync: false }),
  );
  const stopAsked = new Promise<string>((resolve) => {
    process.once("SIGINT", () => resolve("SIGINT"));
    process.once("SIGTERM", () => resolve("SIGTERM"));
    process.once("SIGHUP", () => resolve("SIGHUP"));
  });
  const ending = new AbortController();
  let loom: Standalone | undefined;
  try {
    loom = await startStandalone({
      folder: options.folder,
      host: options.host,
      port: options.port,
      version: programVersion(),
      log,
      slots: options.slots,
      progress: (step) => say(`- ${step}`),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
    const client = createLoomClient({ url: loom.url, token: loom.token });
    await loadShippedCatalog(client);
    if (options.context) writeContext({ name: "local", url: loom.url, token: loom.token });
    say(`- Loom is up after ${((performance.now() - started) / 1000).toFixed(1)} s, its data is in ${options.folder}`);
    const serving = loom;
    const shown = showFarm(serving, options, ending.signal);
    const why = await Promise.race([stopAsked, loom.failed, shown.then(() => new Promise<never>(() => undefined))]);
    if (!why.startsWith("SIG")) {
      say(`loom: ${why}`);
      return 1;
    }
    say("\nStopping. Clusters go on; a job that runs goes on at the next start.");
    return 0;
  } finally {
    // A second Ctrl-C ends everything at once; what was acknowledged is in the database.
    process.once("SIGINT", () => process.exit(130));
    ending.abort();
    await loom?.stop();
  }
}

async function showFarm(loom: Standalone, options: MainOptions, signal: AbortSignal): Promise<void> {
  let address: string | undefined;
  if (options.farm) {
    const step = (text: string): void => say(`- ${text}`);
    const docker = { progress: step, signal };
    const { provider } = options;
    const choose = () => (provider === undefined ? chooseProvider(docker) : askedProvider(provider, docker));
    try {
      address = await ensureFarm(loom, choose, processTerminal(), step);
    } catch (thrown) {
      say(explain(thrown));
    }
  }
  if (address !== undefined) process.stdout.write(`farm: ${address}\n`);
  else if (options.farm)
    say(
      'There is no farm that answers. Look with "bin/loom status", make one with "bin/loom create hello --template web-farm --nodes 4 --wait".',
    );
  process.stdout.write(`api: ${loom.url}\n`);
  process.stdout.write(
    "loom: bin/loom list, bin/loom status hello, bin/loom add-nodes hello web 2 --wait, bin/loom delete hello --yes --wait; bin/loom --help\n",
  );
  say("Serving until Ctrl-C.");
}

try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.help) process.stdout.write(USAGE);
  else process.exitCode = await main(options);
} catch (thrown) {
  say(explain(thrown));
  process.exitCode = LoomError.from(thrown).reason === "INVALID_FIELD" ? 2 : 1;
}
process.exit();
