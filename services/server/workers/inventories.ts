/**
 * Questions to providers about what machines there are, and their answers, which come in pieces over a worker's stream.
 * An answer is whole or it is an error: what is not in it does not exist, so half an answer would be a wrong one.
 */
import { randomUUID } from "node:crypto";
import { LoomError } from "../../common/errors.js";
import { storable } from "../store/storable.js";
import type { InventoryQuestion, InventoryReport, ObservedMachine, WorkerSession } from "./types.js";

/** Milliseconds to wait for the last piece: more than a provisioner gives its provider. */
const ANSWER_MS = 40_000;

/** Machines taken of one answer: far above what one Loom is made for, and below what fills the memory. */
const MOST_MACHINES = 200_000;

export interface Inventories {
  /**
   * Asks one of the workers; another one where the stream of the first ends before its answer.
   *
   * @param workers those that serve the provider, best first
   * @throws PROVIDER_UNREACHABLE where none answers, with what the provider said
   */
  ask(workers: readonly WorkerSession[], question: InventoryQuestion): Promise<readonly ObservedMachine[]>;
  /** A piece of an answer came. */
  report(worker: WorkerSession, report: InventoryReport): void;
  /** The worker's stream is gone. */
  gone(worker: WorkerSession): void;
}

interface Pending {
  readonly worker: WorkerSession;
  readonly machines: ObservedMachine[];
  answer(machines: readonly ObservedMachine[]): void;
  fail(why: Error): void;
}

/** The stream ended, which says nothing about the provider. */
class StreamGone extends Error {}

export function createInventories(answerMs: number = ANSWER_MS): Inventories {
  const pending = new Map<string, Pending>();

  async function askOne(worker: WorkerSession, question: InventoryQuestion): Promise<readonly ObservedMachine[]> {
    const query = randomUUID();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((answer, fail) => {
        timer = setTimeout(
          () => fail(unreachable(question, `its provisioner did not answer within ${Math.round(answerMs / 1000)} s`)),
          answerMs,
        ).unref();
        pending.set(query, { worker, machines: [], answer, fail });
        worker.ask(query, question);
      });
    } finally {
      clearTimeout(timer);
      pending.delete(query);
    }
  }

  return {
    async ask(workers, question) {
      for (const worker of workers.slice(0, 3)) {
        try {
          return await askOne(worker, question);
        } catch (thrown) {
          if (!(thrown instanceof StreamGone)) throw thrown;
        }
      }
      throw unreachable(
        question,
        workers.length === 0
          ? `no provisioner that serves it is connected`
          : `the connection to its provisioner broke before it answered`,
      );
    },
    report(worker, report) {
      const question = pending.get(report.query);
      // Nobody waits for it any more, or it was not this worker that was asked.
      if (question?.worker !== worker) return;
      // Names of machines and errors are kept and shown: one that the database refuses would hide all others.
      const { error, machines } = storable(report);
      if (error !== "") return question.fail(new LoomError("PROVIDER_UNREACHABLE", error));
      question.machines.push(...machines);
      if (question.machines.length > MOST_MACHINES)
        return question.fail(
          new LoomError("PROVIDER_UNREACHABLE", `The provider lists more than ${MOST_MACHINES} machines.`),
        );
      if (!report.more) question.answer(question.machines);
    },
    gone(worker) {
      for (const question of pending.values())
        if (question.worker === worker) question.fail(new StreamGone("the stream ended"));
    },
  };
}

function unreachable({ provider }: InventoryQuestion, why: string): LoomError {
  return new LoomError("PROVIDER_UNREACHABLE", `Provider "${provider}" cannot be asked: ${why}.`, {
    metadata: { provider },
  });
}
