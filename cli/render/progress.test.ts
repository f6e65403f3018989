import assert from "node:assert/strict";
import { Job_State, Task_State } from "../../gen/web/loom/v1/job_pb.js";
import { NOW } from "../../test/cli/fake-terminal.js";
import { assertGolden } from "../../test/cli/golden.js";
import { job, task, tasks } from "../../test/cli/sample.js";
import { createPalette } from "./colour.js";
import { createLiveArea } from "./live.js";
import { advance, currentStep, progressLines, rootCause, type JobProgress } from "./progress.js";
import { widthOf } from "./text.js";

const plain = createPalette(false);
const view = (): JobProgress => advance(undefined, { job: job(), tasks: tasks() }, NOW).after!;

describe("cli: progress", () => {
  it("shows how far, what now, what each node does and what was last", () => {
    assertGolden("progress", `${progressLines({ ...view(), usual: 95_000 }, plain, NOW, 100, 20).join("\n")}\n`);
    assertGolden(
      "progress-narrow",
      `${progressLines({ ...view(), reconnecting: true }, plain, NOW, 40, 20).join("\n")}\n`,
    );
  });

  it("fits the terminal, however much goes on", () => {
    const many = advance(
      undefined,
      {
        job: job(),
        tasks: Array.from({ length: 500 }, (_, i) => task(i, { node: 1000 + i, message: "x".repeat(300) })),
      },
      NOW,
    ).after!;
    for (const width of [20, 40, 80, 200]) {
      for (const height of [6, 10, 20]) {
        const lines = progressLines({ ...many, reconnecting: true, last: "y".repeat(500) }, plain, NOW, width, height);
        assert.ok(lines.length <= height, `${lines.length} lines of ${height}`);
        if (width >= 40) for (const line of lines) assert.ok(widthOf(line) <= width, line);
      }
    }
  });

  it("says in words what is being done", () => {
    const at = (state: Job_State, rest: object = {}): string =>
      currentStep({ ...view(), active: new Map(), job: job({ state, ...rest }) });
    assert.equal(at(Job_State.QUEUED, { taskCount: 0 }), "working out the layout and the plan");
    assert.equal(at(Job_State.PAUSED), "paused");
    assert.equal(
      at(Job_State.WAITING, { message: "no provisioner offers docker" }),
      "waiting: no provisioner offers docker",
    );
    assert.equal(at(Job_State.CANCELLING), "stopping what runs");
    assert.equal(currentStep(view()), "installing web on 1001; waiting to retry installing web on 1002");
  });

  it("tells a failure once, and forgets tasks that are done", () => {
    const first = advance(
      undefined,
      { job: job(), tasks: [task(1, { state: Task_State.RETRYING, message: "no" })] },
      NOW,
    );
    assert.equal(first.failures.length, 1);
    const again = advance(first.after, { tasks: [task(1, { state: Task_State.RETRYING, message: "no" })] }, NOW);
    assert.equal(again.failures.length, 0);
    const running = advance(again.after, { tasks: [task(1, { attempt: 2 })] }, NOW);
    assert.equal(
      advance(running.after, { tasks: [task(1, { state: Task_State.FAILED, message: "no" })] }, NOW).failures.length,
      1,
    );
    assert.equal(
      advance(running.after, { tasks: [task(1, { state: Task_State.COMPLETE })] }, NOW).after!.active.size,
      0,
    );
  });

  it("names the first failed task in the order of stages", () => {
    const failed = [
      task(9, { state: Task_State.FAILED, stage: 2 }),
      task(30, { state: Task_State.FAILED, stage: 1 }),
      task(10, { state: Task_State.FAILED, stage: 1 }),
      task(1, { stage: 0 }),
    ];
    assert.equal(rootCause(failed)?.name, "clusters/hello-1/jobs/1/tasks/10");
    assert.equal(rootCause([task(1)]), undefined);
  });
});

/** What stands on a terminal after it was given this text: enough of one for what a live area writes. */
function screen(text: string): string[] {
  const rows = [""];
  let row = 0;
  // oxlint-disable-next-line no-control-regex -- escape sequences are what this looks for
  for (const [part] of text.matchAll(/\u001b\[\??\d*[A-Za-z]|\r|\n|[^\u001b\r\n]+/g)) {
    const up = /^\u001b\[(\d+)A$/.exec(part); // oxlint-disable-line no-control-regex -- as above
    if (up !== null) row -= Number(up[1]);
    else if (part === "\u001b[J") rows.splice(row, rows.length, "");
    else if (part === "\n") rows[++row] ??= "";
    else if (part !== "\r" && !part.startsWith("\u001b")) rows[row] += part;
  }
  return rows.slice(0, -1);
}

describe("cli: live area", () => {
  let written = "";
  const sink = { write: (text: string) => void (written += text), isTTY: true, columns: 40, rows: 6 };
  beforeEach(() => (written = ""));

  it("draws again in place, with lines above that stay", () => {
    const area = createLiveArea(sink);
    area.draw(["one", "two", "three"]);
    area.draw(["uno"]);
    area.above(["kept"]);
    area.draw(["uno", "dos"]);
    assert.deepEqual(screen(written), ["kept", "uno", "dos"]);
    area.close(false);
    assert.deepEqual(screen(written), ["kept"]);
  });

  it("keeps the last drawing where told to, and shows the cursor once", () => {
    const area = createLiveArea(sink);
    area.draw(["one"]);
    area.close(true);
    area.close(true);
    area.draw(["late"]);
    assert.deepEqual(screen(written), ["one"]);
    assert.equal(written.split("\u001b[?25h").length, 2);
  });

  it("writes nothing where nothing was drawn", () => {
    createLiveArea(sink).close(false);
    assert.equal(written, "");
  });

  it("never draws more lines than the terminal has", () => {
    createLiveArea(sink).draw(Array.from({ length: 20 }, (_, i) => String(i)));
    assert.equal(screen(written).length, 5);
  });
});
