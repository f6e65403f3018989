import assert from "node:assert/strict";
import { DOCUMENT_KINDS } from "../../catalog/types.js";
import { CLUSTER_STATES, NODE_OBSERVATIONS, NODE_STATES } from "../../clusters/states.js";
import { JOB_STATES, TASK_STATES } from "../../jobs/states.js";
import * as pairs from "./enums.js";

describe("enums", () => {
  const all: readonly [pairs.EnumPair<string, number>, readonly string[]][] = [
    [pairs.documentKinds as pairs.EnumPair<string, number>, DOCUMENT_KINDS],
    [pairs.clusterStates as pairs.EnumPair<string, number>, CLUSTER_STATES],
    [pairs.nodeStates as pairs.EnumPair<string, number>, NODE_STATES],
    [pairs.nodeObservations as pairs.EnumPair<string, number>, NODE_OBSERVATIONS],
    [pairs.jobStates as pairs.EnumPair<string, number>, JOB_STATES],
    [pairs.taskStates as pairs.EnumPair<string, number>, TASK_STATES],
  ];

  it("come back as the word they were", () => {
    for (const [pair, words] of all) for (const word of words) assert.equal(pair.fromWire(pair.toWire(word)), word);
  });

  it("of a newer version are nothing that is known", () => {
    for (const [pair] of all) assert.equal(pair.fromWire(99), undefined);
    assert.equal(pairs.jobStates.fromWire(0), undefined);
  });
});
