/** Answers what machines a provider has, in pieces that fit into messages. */
import type { Inventory, InventoryReport, ObservedMachine } from "../../../gen/services/loom/internal/v1/worker.js";
import { LoomError } from "../../common/errors.js";
import type { Provider } from "../providers/provider.js";

/** Machines in one report: at most some 500 bytes each, while a server takes messages of 4 MiB. */
export const MACHINES_PER_REPORT = 2_000;

/** How long a provider may take, in milliseconds; the server waits a little longer. */
const INVENTORY_MS = 30_000;

/**
 * Asks the provider; never rejects. The last report is the one that does not say `more`; a provider that fails or does
 * not answer in time gives one report with its error and no machines, so that half an answer is none.
 *
 * @param onUnknown told of what no provider should throw
 */
export async function inventoryReports(
  providers: readonly Provider[],
  { query, providerType, providerFields }: Inventory,
  onUnknown: (error: unknown) => void,
  limitMs: number = INVENTORY_MS,
): Promise<InventoryReport[]> {
  try {
    const provider = providers.find(({ type }) => type === providerType);
    if (provider === undefined)
      throw new LoomError("PLUGIN_TYPE_UNKNOWN", `This provisioner has no provider of type "${providerType}".`);
    const machines = (await within(limitMs, provider.inventory(providerFields ?? {}))).map(
      ({ token, machine, running, clusterUid, nodeNumber }): ObservedMachine => ({
        token,
        machine,
        running,
        clusterUid: clusterUid ?? "",
        node: nodeNumber ?? 0,
      }),
    );
    const reports: InventoryReport[] = [];
    for (let at = 0; at === 0 || at < machines.length; at += MACHINES_PER_REPORT) {
      const part = machines.slice(at, at + MACHINES_PER_REPORT);
      reports.push({ query, machines: part, error: "", more: at + MACHINES_PER_REPORT < machines.length });
    }
    return reports;
  } catch (error) {
    if (!(error instanceof LoomError)) onUnknown(error);
    return [{ query, machines: [], error: LoomError.from(error).message, more: false }];
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new LoomError("PROVIDER_UNREACHABLE", `The provider did not list its machines within ${limitMs / 1000} s.`),
        ),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
