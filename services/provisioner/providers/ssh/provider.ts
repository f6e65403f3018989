/**
 * The provider `ssh`: machines are hosts that exist already, each of which carries one node at a time. A host is taken by
 * a reservation on itself, so several Looms may share a pool.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { LoomError } from "../../../common/errors.js";
import type { CallContext, Fields, MachineReport, MachineRequest, ObservedMachine, Provider } from "../provider.js";
import { createSshChannel, missing } from "./channel.js";
import { createConnections, type Connections } from "./connections.js";
import { isChangedKey, isUnclear, isUnreachable } from "./failures.js";
import { ask, askAll, carries, type Answer } from "./hosts.js";
import type { HostState } from "./host-script.js";
import { candidates, noneFree, rightFirst } from "./pool.js";
import { createRounds } from "../../../common/rounds.js";
import { readSettings, SSH_FIELDS, type Host, type SshSettings } from "./settings.js";

/** Between two looks for a host that is silent, in milliseconds. */
const AGAIN_MS = 2_000;
const TOKEN = /^[a-z2-7]{52}$/;

/** Makes the provider; no host is asked before the first call. @param connections shared with others, for tests */
export function createSshProvider(connections: Connections = createConnections()): Provider {
  const rounds = createRounds<Answer[]>();

  /** The host that an earlier answer named. */
  function namedHost(settings: SshSettings, results: Fields): Host | undefined {
    return settings.hosts.find(({ name }) => name === results["host"]);
  }

  /** The host that carries the token, by what is known or by asking all of them. */
  async function find(
    settings: SshSettings,
    request: MachineRequest,
  ): Promise<{ host: Host; state: HostState } | undefined> {
    const named = namedHost(settings, request.results);
    const hosts = named === undefined ? settings.hosts : [named];
    const answers = await askAll(connections, settings, hosts, "look");
    const [found] = rightFirst(answers.filter((answer) => carries(answer, request.token)));
    if (found !== undefined) return { host: found.host, state: found.state! };
    const failure = answers.find((answer) => answer.failure !== undefined)?.failure;
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Whether the host is certainly not taken, after an attempt to take it that failed. */
  async function isLeft(settings: SshSettings, host: Host, token: string, failure: LoomError): Promise<boolean> {
    if (isUnclear(failure)) return false;
    // It was never told.
    if (isUnreachable(failure)) return true;
    return ask(connections, settings, host, "look").then(
      (state) => !carries({ state }, token),
      () => false,
    );
  }

  async function create(request: MachineRequest, context: CallContext): Promise<MachineReport> {
    const settings = readSettings(request.fields);
    const { token, flavor, nodeNumber } = request;
    if (!TOKEN.test(token)) throw new LoomError("INTERNAL", `"${token}" is no token of a machine.`);
    context.signal.throwIfAborted();
    const wanted = candidates(settings.hosts, flavor, nodeNumber);
    const answers = await askAll(connections, settings, wanted, "look");
    for (const { failure } of answers) if (failure !== undefined) context.log(`left out: ${failure.message}`);
    // What an earlier attempt took comes first.
    const order = [
      ...rightFirst(answers.filter((answer) => carries(answer, token))),
      ...answers.filter(({ state }) => state !== undefined && state.reserved === undefined),
    ];
    for (const answer of order) {
      context.signal.throwIfAborted();
      const { host } = answer;
      const isFound = carries(answer, token);
      try {
        const state = await ask(connections, settings, host, "take", request);
        if (carries({ state }, token)) {
          context.log(`${isFound ? "found" : "took"} host ${host.name}`);
          return await report(host, state, token);
        }
        // Somebody else was faster.
        answers[answers.indexOf(answer)] = { host, state, failure: undefined };
      } catch (thrown) {
        const failure = LoomError.from(thrown);
        // Another host would be a second one for this machine. The next attempt finds this one, where it was taken.
        if (isFound || !(await isLeft(settings, host, token, failure))) throw failure;
        context.log(`left out: ${failure.message}`);
        answers[answers.indexOf(answer)] = { host, state: undefined, failure };
      }
    }
    throw noneFree(flavor, answers);
  }

  async function confirm(request: MachineRequest, context: CallContext): Promise<MachineReport> {
    const settings = readSettings(request.fields);
    context.signal.throwIfAborted();
    const found = await find(settings, request);
    if (found === undefined) {
      const named = namedHost(settings, request.results);
      if (named !== undefined) throw missing(named, request.nodeNumber);
      throw new LoomError(
        "MACHINE_MISSING",
        `No host of the pool carries node ${request.nodeNumber}. A retry of the job makes the node again.`,
        { metadata: { node: String(request.nodeNumber) } },
      );
    }
    if (found.state.reserved?.running === false)
      context.log(`node ${request.nodeNumber} is off: switching it on, on host ${found.host.name}`);
    context.signal.throwIfAborted();
    const state = await ask(connections, settings, found.host, "on", request);
    if (state.reserved?.token !== request.token) throw missing(found.host, request.nodeNumber);
    return report(found.host, state, request.token);
  }

  /** A host that is silent for long counts as given back: what it still has is removed as a stray when it is back. */
  async function release(
    settings: SshSettings,
    host: Host,
    request: MachineRequest,
    deadline: number,
    context: CallContext,
  ): Promise<void> {
    let isTold = false;
    for (;;) {
      context.signal.throwIfAborted();
      try {
        await ask(connections, settings, host, "release", request);
        return;
      } catch (thrown) {
        if (isChangedKey(thrown)) {
          context.log(`${(thrown as LoomError).message} It does not carry this node any more.`);
          return;
        }
        if (!isUnreachable(thrown)) throw thrown;
        if (performance.now() >= deadline) {
          context.log(
            `Host ${host.name} is given up after ${settings.goneAfterMs / 1000} s of silence. What runs there goes on until it is switched off, or answers again: then it is removed.`,
          );
          return;
        }
        if (!isTold) context.log((thrown as LoomError).message);
        isTold = true;
        await sleep(AGAIN_MS, undefined, { signal: context.signal });
      }
    }
  }

  async function destroy(request: MachineRequest, context: CallContext): Promise<void> {
    const settings = readSettings(request.fields);
    if (!TOKEN.test(request.token)) throw new LoomError("INTERNAL", `"${request.token}" is no token of a machine.`);
    context.signal.throwIfAborted();
    const deadline = performance.now() + settings.goneAfterMs;
    const named = namedHost(settings, request.results);
    // Others may carry it too, where an attempt's answer was lost together with its host.
    const key = JSON.stringify([settings.identity, settings.sudo, settings.hosts]);
    const looked = rounds(key, () => askAll(connections, settings, settings.hosts, "look"));
    const rest = async (): Promise<void> => {
      // Rounds are shared by their pool, and so their hosts are the same ones.
      const answers = (await looked).filter(({ host }) => host.name !== named?.name);
      // Nobody waits for other silent hosts where one is known: what they have is a stray when they are back.
      const isMeant = (answer: Answer): boolean =>
        carries(answer, request.token) || (named === undefined && isUnreachable(answer.failure));
      await Promise.all(answers.filter(isMeant).map(({ host }) => release(settings, host, request, deadline, context)));
      if (named !== undefined) return;
      const broken = answers.find(({ failure }) => failure && !isUnreachable(failure) && !isChangedKey(failure));
      if (broken?.failure !== undefined) throw broken.failure;
    };
    const first = named === undefined ? undefined : release(settings, named, request, deadline, context);
    await Promise.all([first, rest()]);
  }

  async function inventory(fields: Fields): Promise<ObservedMachine[]> {
    const settings = readSettings(fields);
    const answers = await askAll(connections, settings, settings.hosts, "look");
    if (answers.every(({ failure }) => failure !== undefined)) throw answers[0]!.failure!;
    const found = new Map<string, ObservedMachine>();
    const silent = answers.filter(({ state }) => state === undefined);
    for (const { host, state } of rightFirst(answers)) {
      if (state?.reserved === undefined) continue;
      const { token, running, clusterUid, nodeNumber } = state.reserved;
      if (!found.has(token)) found.set(token, { token, machine: host.name, running, clusterUid, nodeNumber });
    }
    return [...found.values(), ...silent.map(({ host }) => ({ token: "", machine: host.name, running: false }))];
  }

  return {
    type: "ssh",
    description: "A pool of hosts that exist already and are reached by SSH; each carries one node.",
    fields: SSH_FIELDS,
    unavailable: async () => undefined,
    create,
    confirm,
    delete: destroy,
    async observe(request) {
      const found = await find(readSettings(request.fields), request);
      if (found === undefined) return undefined;
      return { token: request.token, machine: found.host.name, running: found.state.reserved!.running };
    },
    inventory,
    channel(request) {
      const settings = readSettings(request.fields);
      const host = namedHost(settings, request.results);
      const { home } = request.results;
      if (host === undefined || typeof home !== "string")
        throw new LoomError(
          "MACHINE_MISSING",
          `It is not known which host carries node ${request.nodeNumber}. Retry the job; it looks for it.`,
        );
      return createSshChannel(connections, { settings, host, home, token: request.token, number: request.nodeNumber });
    },
  };
}

/** Nodes are told addresses rather than names, where this machine can tell. */
async function report(host: Host, { base }: HostState, token: string): Promise<MachineReport> {
  const { address, name, internalAddress } = host;
  const internal =
    internalAddress ??
    (isIP(address)
      ? address
      : await lookup(address).then(
          (found) => found.address,
          () => address,
        ));
  return {
    machine: name,
    addresses: { internal, external: address },
    results: { host: name, home: `${base}/${token}` },
  };
}
