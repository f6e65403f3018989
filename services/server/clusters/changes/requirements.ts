/** Who would miss a service that goes. Pure. */
import type { Service } from "../../catalog/types.js";
import { servicesOf, type ChangingCluster } from "./types.js";

/**
 * What is required by services that stay, is answered to now, and would be by nobody any more. In words, each once.
 * What nobody answers to already is no reason against a change.
 */
export function missingRequirements(subject: ChangingCluster, staying: readonly string[]): string[] {
  const bodyOf = (service: string): Service => subject.cluster.spec.services[service]!.body;
  const present = servicesOf(subject);
  const isAnswered = (by: readonly string[], name: string): boolean =>
    by.some((service) => service === name || bodyOf(service).provides?.includes(name) === true);
  const found = staying.flatMap((service) =>
    [...(bodyOf(service).install?.requires ?? []), ...(bodyOf(service).runtime?.requires ?? [])]
      .filter((required) => isAnswered(present, required) && !isAnswered(staying, required))
      .map((required) => `"${service}" requires "${required}"`),
  );
  return [...new Set(found)];
}
