/** What a provisioner of this program offers, on Loom's own machine and on others. */
import { join } from "node:path";
import { createShellAutomator } from "../provisioner/automators/shell/shell.js";
import type { Automator } from "../provisioner/automators/automator.js";
import { createDockerProvider } from "../provisioner/providers/docker/provider.js";
import { createLocalProvider, type LocalProvider } from "../provisioner/providers/local/provider.js";
import type { Provider } from "../provisioner/providers/provider.js";
import { createSimulatedProvider } from "../provisioner/providers/simulated/provider.js";
import { createSshProvider } from "../provisioner/providers/ssh/provider.js";

export interface Plugins {
  readonly providers: readonly Provider[];
  readonly automators: readonly Automator[];
  readonly local: LocalProvider;
}

/**
 * @param folder of the process: nodes of provider `local` stand in it
 * @param installation names what is made at providers that several Looms share
 */
export function createPlugins(folder: string, installation: string): Plugins {
  const local = createLocalProvider({ folder: join(folder, "nodes") });
  return {
    local,
    providers: [
      createDockerProvider({ installation }),
      local,
      createSimulatedProvider({ journal: join(folder, "simulated.journal") }),
      createSshProvider(),
    ],
    automators: [createShellAutomator()],
  };
}
