/** Which host a node gets. Pure. */
import { LoomError } from "../../../common/errors.js";
import { isUnreachable } from "./failures.js";
import type { Answer } from "./hosts.js";
import type { Host } from "./settings.js";

/**
 * Hosts that may carry a node of the flavor: those made for it before those that take any. Nodes begin at different
 * places of the list, so that many made at once do not all want the same one.
 */
export function candidates(hosts: readonly Host[], flavor: string, nodeNumber: number): Host[] {
  const turned = (some: readonly Host[]): Host[] => {
    const first = some.length === 0 ? 0 : nodeNumber % some.length;
    return [...some.slice(first), ...some.slice(0, first)];
  };
  return [
    ...turned(hosts.filter((host) => host.flavor !== undefined && host.flavor === flavor)),
    ...turned(hosts.filter((host) => host.flavor === undefined)),
  ];
}

/**
 * Hosts that say that they carry a machine, the right one first. There are several where an attempt's answer was lost
 * together with its host, so that the next attempt took another one. Loom has worked with one of them only.
 */
export function rightFirst<T extends Pick<Answer, "state">>(answers: readonly T[]): T[] {
  const rank = ({ state }: T): number => (state?.reserved?.confirmed ? 2 : 0) + (state?.reserved?.running ? 1 : 0);
  return [...answers].sort((a, b) => rank(b) - rank(a));
}

/** Why no host could be taken. @param answers of all candidates */
export function noneFree(flavor: string, answers: readonly Answer[]): LoomError {
  if (answers.length === 0)
    return new LoomError(
      "PROVIDER_ERROR",
      `No host of the pool takes nodes of flavor "${flavor}". Add a host of that flavor, or one without a flavor, to the provider's hosts.`,
      { metadata: { flavor, permanent: "true" } },
    );
  const failures = answers.flatMap(({ failure }) => failure ?? []);
  const refused = failures.find((failure) => !isUnreachable(failure));
  if (refused !== undefined) return refused;
  if (failures.length === answers.length) return failures[0]!;
  const names = (some: readonly Answer[]) => some.map(({ host }) => host.name).join(", ");
  const taken = answers.filter(({ state }) => state?.reserved !== undefined);
  const silent = answers.filter(({ failure }) => failure !== undefined);
  const rest = silent.length === 0 ? "" : ` ${names(silent)} ${silent.length === 1 ? "does" : "do"} not answer.`;
  return new LoomError(
    "PROVIDER_ERROR",
    `No host of the pool is free for flavor "${flavor}": ${names(taken)} ${taken.length === 1 ? "has a node" : "have nodes"} already.${rest} Add hosts to the provider, or delete clusters, then retry.`,
    { metadata: { flavor, taken: String(taken.length), silent: String(silent.length) } },
  );
}
