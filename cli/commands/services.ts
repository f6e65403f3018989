/** `loom start`, `loom stop`, `loom restart`, `loom add-services` and `loom remove-services` */
import type { LoomClient } from "../../gateway/client.js";
import { lastPart } from "../names.js";
import type { Session } from "../session.js";
import { operate, type Common, type OperationOptions } from "./operate.js";
import type { Job } from "../../gen/web/loom/v1/job_pb.js";

interface ServicesRequest extends Common {
  readonly services: string[];
}

/** One of the three that act on services as they are. */
function acting(verb: string, call: (api: LoomClient, request: ServicesRequest, signal: AbortSignal) => Promise<Job>) {
  return (session: Session, options: OperationOptions, text: string, services: readonly string[]): Promise<number> =>
    operate(session, options, text, {
      what: (cluster) =>
        `${verb} ${services.length === 0 ? "all services" : services.join(", ")} of ${lastPart(cluster.name)}`,
      send: (api, common, signal) => call(api, { ...common, services: [...services] }, signal),
    });
}

export const start = acting("start", (api, request, signal) => api.clusters.startServices(request, { signal }));
export const stop = acting("stop", (api, request, signal) => api.clusters.stopServices(request, { signal }));
export const restart = acting("restart", (api, request, signal) => api.clusters.restartServices(request, { signal }));

export function add(
  session: Session,
  options: OperationOptions & { readonly withDependencies?: boolean },
  text: string,
  services: readonly string[],
): Promise<number> {
  const withDependencies = options.withDependencies === true;
  return operate(session, options, text, {
    what: (cluster) => `add ${services.join(", ")} to ${lastPart(cluster.name)}`,
    send: (api, common, signal) =>
      api.clusters.addServices({ ...common, services: [...services], withDependencies }, { signal }),
  });
}

export function remove(
  session: Session,
  options: OperationOptions,
  text: string,
  services: readonly string[],
): Promise<number> {
  return operate(session, options, text, {
    what: (cluster) => `remove ${services.join(", ")} from ${lastPart(cluster.name)}`,
    send: (api, common, signal) => api.clusters.removeServices({ ...common, services: [...services] }, { signal }),
    question: "name",
  });
}
