/** Machines to test providers with. */
import { machineToken } from "../../services/common/ids.js";
import type { CommandResult, NodeChannel } from "../../services/provisioner/automators/channel.js";
import type { CallContext, Fields, MachineRequest, Provider } from "../../services/provisioner/providers/provider.js";

/** A provider under test and the words its machines are asked for with. */
export interface ProviderUnderTest {
  readonly provider: Provider;
  /** Fields of the provider document. */
  readonly fields: Fields;
  readonly flavor: string;
  readonly hardwareFields?: Fields;
  readonly image: string;
  readonly user?: string;
  /** Switches a machine off as a power cut would. Without it the tests about that are skipped. */
  powerOff?(request: MachineRequest): Promise<void>;
  /** Takes a machine away behind Loom's back. */
  vanish?(request: MachineRequest): Promise<void>;
  /** Another instance over the same machines: what a restarted Loom has. */
  again?(): Promise<Provider>;
  /** After the last test; nothing of the provider may be left then. */
  dispose?(): Promise<void>;
}

/** A request for a machine of the provider under test. */
export function machine(
  under: ProviderUnderTest,
  clusterUid: string,
  nodeNumber: number,
  incarnation: number,
): MachineRequest {
  return {
    token: machineToken(clusterUid, nodeNumber, incarnation),
    clusterUid,
    clusterName: `conformance-${clusterUid.slice(0, 6)}`,
    tenant: "default",
    nodeNumber,
    hostname: `conformance-${nodeNumber}.local`,
    services: [],
    flavor: under.flavor,
    hardwareFields: under.hardwareFields ?? {},
    image: under.image,
    user: under.user ?? "",
    fields: under.fields,
    results: {},
  };
}

/** A context whose log goes nowhere. */
export function context(signal: AbortSignal = new AbortController().signal): CallContext {
  return { signal, log: () => {} };
}

/** Runs a command and collects what it prints. */
export async function run(
  channel: NodeChannel,
  argv: readonly string[],
  options: { readonly env?: Record<string, string>; readonly input?: string } = {},
): Promise<CommandResult & { readonly stdout: string; readonly stderr: string }> {
  const printed: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
  const { exitCode } = await channel.run(argv, {
    ...options,
    signal: new AbortController().signal,
    onOutput: (stream, bytes) => printed[stream].push(bytes),
  });
  return {
    exitCode,
    stdout: Buffer.concat(printed.stdout).toString(),
    stderr: Buffer.concat(printed.stderr).toString(),
  };
}
