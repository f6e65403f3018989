/** `loom configure` */
import { parseConfigChanges } from "../config-flags.js";
import { badInput } from "../exit.js";
import { lastPart } from "../names.js";
import type { Session } from "../session.js";
import { operate, type OperationOptions } from "./operate.js";

export interface ConfigureOptions extends OperationOptions {
  readonly set?: readonly string[];
  readonly unset?: readonly string[];
  readonly file?: readonly string[];
  readonly restart?: boolean;
  readonly services?: readonly string[];
}

export async function run(session: Session, options: ConfigureOptions, text: string): Promise<number> {
  const { set = [], unset = [], file = [], restart = false, services = [] } = options;
  if (set.length + unset.length + file.length + services.length === 0 && !restart)
    throw badInput(
      "It is not said what to configure.",
      "Give --set PATH=VALUE, --unset PATH or --file FILE; or --services NAMES, to configure them again as they are.",
    );
  const config = await parseConfigChanges({ set, unset, file });
  return operate(session, options, text, {
    what: (cluster) => `configure ${lastPart(cluster.name)}`,
    send: (api, common, signal) =>
      api.clusters.configureCluster(
        { ...common, config: config as never, services: [...services], restart },
        { signal },
      ),
    question: "yes",
  });
}
