/** Removals are refused for macros just where a worker could not be told something: judged by what workers are told. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { cluster, node } from "../../../../test/support/changing-cluster.js";
import { LoomError } from "../../../common/errors.js";
import type { Json, JsonObject, Service } from "../../catalog/types.js";
import { createAssignmentBuilder } from "../../jobs/assignment.js";
import type { RunNode } from "../../jobs/cluster-state.js";
import type { OperationKind } from "../../plan/types.js";
import type { OperationChange } from "../../records/types.js";
import { withLeftovers } from "./halfway.js";
import { removeNodes } from "./nodes.js";
import { removeServices } from "./services.js";
import type { ChangingCluster, Decision } from "./types.js";

const LEASE = { shard: 1, epoch: 1n, cluster: 1n, job: 1, task: 1, runner: 1, attempt: 1 };
const NAMES = ["lb", "web", "db"];

/** Whether there is a task of the cluster, as an operation works on it, whose worker cannot be told all. */
function isUntold(subject: ChangingCluster, kind: OperationKind, change: OperationChange): boolean {
  const full = withLeftovers(subject, kind, change);
  const nodes = new Map(subject.nodes.map((one) => [one.number, one]));
  const builder = createAssignmentBuilder({
    cluster: subject.cluster,
    job: { kind, change: full },
    nodes,
    secrets: new Map(),
  });
  const { services, template } = subject.cluster.spec;
  return subject.nodes.some((one) =>
    one.services.some((service) => {
      const isGoing = full.nodes?.includes(one.number) === true || full.services?.includes(service) === true;
      const defined = Object.keys(services[service]!.body.actions ?? {});
      const isChecked = template.body.check?.service === service;
      const actions = isGoing
        ? defined.filter((action) => action === "stop" && (one.isFinished || kind === "REMOVE_SERVICES"))
        : [...defined, ...(isChecked ? ["check"] : [])];
      return actions.some((action) => {
        try {
          builder.build(LEASE, { node: one.number, service, action: action.toUpperCase() as "CHECK" });
          return false;
        } catch (thrown) {
          assert.equal(LoomError.from(thrown).reason, "MACRO_ERROR");
          return true;
        }
      });
    }),
  );
}

function isRefused(decide: () => Decision): boolean {
  try {
    decide();
    return false;
  } catch (thrown) {
    assert.equal(LoomError.from(thrown).reason, "MACRO_ERROR", String(thrown));
    return true;
  }
}

/** A cluster that says one macro at one place. */
function saying(text: string, where: string, owner: string, nodes: readonly RunNode[]): ChangingCluster {
  const at = (place: string, name = owner): Json => ({ env: { X: where === place && name === owner ? text : "" } });
  const bodies = Object.fromEntries(
    NAMES.map((name): [string, Service] => [
      name,
      {
        actions: {
          start: { fields: at("start", name) as JsonObject },
          stop: { fields: at("stop", name) as JsonObject },
        },
      },
    ]),
  );
  return cluster({
    nodes,
    layout: nodes.map(({ hardwareType, imageType, services }) => ({ count: 1, hardwareType, imageType, services })),
    bodies,
    config: { shared: at("shared"), [owner]: at("own") },
    template: {
      check: { service: owner, fields: at("check") as JsonObject },
      constraints: { services: Object.fromEntries(NAMES.map((name) => [name, { min: 0 }])) },
    },
  });
}

const service = fc.constantFrom(...NAMES);
const subjects = fc
  .record({
    kinds: fc.array(
      fc.record({
        services: fc.uniqueArray(service, { minLength: 1 }),
        isFinished: fc.boolean(),
        half: fc.option(service, { freq: 4 }),
      }),
      { minLength: 2, maxLength: 6 },
    ),
    named: service,
    index: fc.nat({ max: 3 }),
    where: fc.constantFrom("shared", "own", "start", "stop", "check"),
    owner: service,
  })
  .map(({ kinds, named, index, where, owner }) => {
    const nodes = kinds.map(({ services, isFinished, half }, at) =>
      node(1000 + at, [...services].sort(), {
        isFinished: isFinished || at < 2,
        halfway: half !== null && services.includes(half) ? { [half]: "install" } : {},
      }),
    );
    return saying(`%ip.service.${named}[${index}]%`, where, owner, nodes);
  });
const picks = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 3 });

/** How often each answer came. */
function judge(
  remove: (
    subject: ChangingCluster,
    picked: readonly number[],
  ) => { change: OperationChange; left: readonly RunNode[]; decide(): Decision },
  kind: OperationKind,
): void {
  const answers = { refused: 0, taken: 0 };
  fc.assert(
    fc.property(subjects, picks, (subject, picked) => {
      const { change, left, decide } = remove(subject, picked);
      if (left.length === 0) return;
      const was = isUntold(subject, "CONFIGURE", {});
      const becomes = isUntold(subject, kind, change) || isUntold({ ...subject, nodes: left }, "CONFIGURE", {});
      const refused = isRefused(decide);
      answers[refused ? "refused" : "taken"] += 1;
      assert.equal(refused, !was && becomes);
    }),
    { numRuns: 1000 },
  );
  assert.ok(answers.refused > 50 && answers.taken > 50, JSON.stringify(answers));
}

describe("macros that a removal leaves without a value", () => {
  it("are those that workers could not be told, where nodes go", () => {
    judge((subject, picked) => {
      const nodes = [...new Set(picked.map((pick) => subject.nodes[pick % subject.nodes.length]!.number))];
      const left = subject.nodes.filter((one) => !nodes.includes(one.number));
      return { change: { nodes }, left, decide: () => removeNodes(subject, { nodes, service: "", count: 0 }) };
    }, "REMOVE_NODES");
  });

  it("are those that workers could not be told, where services go", () => {
    judge((subject, picked) => {
      const present = [...new Set(subject.nodes.flatMap((one) => one.services))];
      const services = [...new Set(picked.map((pick) => present[pick % present.length]!))];
      const left = subject.nodes.map((one) => ({
        ...one,
        services: one.services.filter((name) => !services.includes(name)),
      }));
      return { change: { services }, left, decide: () => removeServices(subject, services) };
    }, "REMOVE_SERVICES");
  });
});
