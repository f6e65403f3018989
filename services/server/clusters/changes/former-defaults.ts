/** Configuration of services that come again. Pure. */
import { leavesOf, ownConfigs, withoutPaths } from "../../catalog/config.js";
import type { JsonObject } from "../../catalog/types.js";
import { valueAt } from "./configure.js";
import type { ChangingCluster } from "./types.js";

/**
 * The configuration without what only the former version of a service has said, so that the version that comes says it
 * anew. What a template or a request has said stays, and so do passwords that were made.
 */
export function withoutFormerDefaults(
  { spec, config }: Pick<ChangingCluster["cluster"], "spec" | "config">,
  services: readonly string[],
): JsonObject {
  const again = services.filter((service) => Object.hasOwn(spec.services, service));
  const former = ownConfigs(new Map(again.map((service) => [service, spec.services[service]!.body])));
  const said = spec.template.body.defaults?.config ?? {};
  const isUntouched = (path: readonly (string | number)[]): boolean =>
    valueAt(said, path) === undefined &&
    JSON.stringify(valueAt(config, path)) === JSON.stringify(valueAt(former, path));
  return withoutPaths(config, leavesOf(former).filter(isUntouched));
}
