/** `make run`: all of Loom on this machine, with a first cluster to look at. */
import { join } from "node:path";
import { pino } from "pino";
import { writeContext } from "../../cli/context.js";
import { CliError } from "../../cli/exit.js";
import { processTerminal } from "../../cli/terminal.js";
import { programVersion } from "../../cli/version.js";
import { createLoomClient, type LoomClient } from "../../gateway/client.js";
import { Cluster_State, type Cluster } from "../../gen/web/loom/v1/cluster_pb.js";
import { LoomError } from "../common/errors.js";
import { createLogger } from "../common/log.js";
import { prepareDataFolder } from "./data-folder.js";
import {
  askedProvider,
  chooseProvider,
  createFarm,
  FARM,
  findFarm,
  loadShippedCatalog,
  watchFarm,
} from "./first-farm.js";
import { readOptions, USAGE, type MainOptions } from "./options.js";
import { addressLines, farmAddress, farmTrouble, foundLines } from "./report.js";
import { startStandalone, type Standalone } from "./start.js";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** What a person reads of an error; anything unknown with its stack. */
function explain(thrown: unknown): string {
  if (thrown instanceof CliError) return ["loom: " + thrown.message, ...thrown.advice].join("\n      ");
  const error = LoomError.from(thrown);
  if (error.reason === "INTERNAL")
    return `loom: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
  return `loom: ${error.message} (${error.reason})`;
}

async function main(options: MainOptions): Promise<number> {
  const started = performance.now();
  // Before the log, which would make the folder for everybody to read.
  await prepareDataFolder(options.folder);
  const destination = pino.destination({ dest: join(options.folder, "loom.log"), mode: 0o600, sync: false });
  // A log that cannot be written, as on a full disk, must not end what can go on.
  destination.on("error", () => undefined);
  const log = createLogger(options.logLevel, destination);
  const stopping = new AbortController();
  const stopAsked = new Promise<undefined>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        stopping.abort();
        resolve(undefined);
      });
    }
  });
  let loom: Standalone | undefined;
  try {
    loom = await startStandalone({
      folder: options.folder,
      host: options.host,
      port: options.port,
      version: programVersion(),
      log,
      slots: options.slots,
      timing: {
        reconcileMs: 1000 * options.reconcileSeconds,
        strayGraceMs: 1000 * options.strayGraceSeconds,
        leasePassMs: 1000 * options.leaseSeconds,
      },
      logs: options.logs,
      progress: (step) => say(`- ${step}`),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.workers === undefined ? {} : { workers: options.workers }),
    });
    const client = createLoomClient({ url: loom.nearUrl, token: loom.token });
    const kept = await loadShippedCatalog(client);
    if (options.context) writeContext({ name: "local", url: loom.nearUrl, token: loom.token });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`- Loom is up after ${seconds} s, its data is in ${options.folder}`);
    if (!loom.isNew) {
      const { clusters, nextPageToken } = await client.clusters.listClusters({ pageSize: 1000 });
      for (const line of foundLines({ clusters, more: nextPageToken !== "", kept })) say(`- ${line}`);
    }
    const shown = show(loom, client, options, stopping.signal);
    const failure = await Promise.race([stopAsked, loom.failed]);
    if (failure !== undefined) {
      say(`loom: ${failure}`);
      return 1;
    }
    // What is drawn in place is finished before anything is said below it.
    await shown;
    say("\nStopping. Clusters go on; a job that was running goes on at the next start.");
    return 0;
  } finally {
    // A second Ctrl-C ends everything at once; what was acknowledged is in the database.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
    await loom?.stop();
  }
}

/** Makes the first cluster where there never was one, and says where everything answers. Ends early at the signal. */
async function show(loom: Standalone, client: LoomClient, options: MainOptions, signal: AbortSignal): Promise<void> {
  let farm: Cluster | undefined;
  const step = (text: string): void => say(`- ${text}`);
  try {
    if (options.farm) {
      farm = await findFarm(client);
      if (farm === undefined) {
        const docker = { progress: step, signal };
        const { provider } = options;
        const { name, why } = await (provider === undefined ? chooseProvider(docker) : askedProvider(provider, docker));
        signal.throwIfAborted();
        say(`- making the first cluster, ${FARM}, by provider ${name} (${why})`);
        farm = await createFarm(client, name);
      } else if (farm.state !== Cluster_State.TERMINATED) {
        say(`- the first cluster is ${farm.name.slice("clusters/".length)}, by provider ${farm.provider}`);
      }
      farm = await watchFarm(loom, client, farm, processTerminal(), signal);
    }
  } catch (thrown) {
    if (!signal.aborted) say(explain(thrown));
  }
  if (signal.aborted) return;
  const trouble = options.farm ? farmTrouble(farm) : undefined;
  if (trouble !== undefined) say(trouble);
  for (const line of addressLines(farmAddress(farm), loom.url, loom.fingerprint)) process.stdout.write(`${line}\n`);
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
