/** Commands on jobs, tasks, logs and events. */
import { Option, type Command } from "commander";
import { clusterArgument, watchOption } from "./clusters.js";
import { addMutation, addOutput, addWait, completedBy, integer, list, type Run, type Runner } from "./options.js";

const JOB = "CLUSTER, whose newest job is meant, or CLUSTER/jobs/N";
const LARGEST = 2_147_483_647;
const JOB_STATES = ["queued", "running", "paused", "waiting", "cancelling", "complete", "failed", "cancelled"];
const TASK_STATES = ["waiting", "ready", "running", "retrying", "complete", "failed", "skipped", "cancelled"];

function jobOption(command: Command): Command {
  return command.addOption(
    new Option("-j, --job <n>", "this job instead of the newest").argParser(integer(1, LARGEST)),
  );
}

export function addJobCommands(program: Command, run: Runner): void {
  const logs = jobOption(
    clusterArgument(
      program.command("logs"),
      "<name>",
      "CLUSTER, CLUSTER/jobs/N, CLUSTER/jobs/N/tasks/N or CLUSTER/nodes/N",
    ),
  )
    .summary("what scripts printed on the nodes")
    .description(
      "Prints what scripts printed: first what is stored, then, with --follow, what comes. Each line tells its node, service and action.",
    )
    .addOption(new Option("--task <n>", "only this task").argParser(integer(0, LARGEST)))
    .addOption(new Option("--node <n>", "only this node").argParser(integer(1, LARGEST)))
    .addOption(new Option("--attempt <n>", "only this try of the task").argParser(integer(1, LARGEST)))
    .option("-f, --follow", "go on until the job has ended")
    .option("--no-prefix", "only what was printed")
    .addOption(
      completedBy(new Option("-o, --output <format>", "how to print"), ["table", "jsonl"]).choices(["table", "jsonl"]),
    );
  run(logs, async () => (await import("../commands/logs.js")).run);

  const events = clusterArgument(program.command("events"), "[cluster]")
    .summary("what happened")
    .description("Lists what happened to a cluster, or to everything: the newest last.")
    .option("-f, --follow", "go on with what happens next")
    .addOption(new Option("--limit <n>", "at most so many of the past (100)").argParser(integer(1, 100_000)))
    .addOption(
      completedBy(new Option("--severity <names>", "only these: a,b").argParser(list), ["info", "warning", "error"]),
    );
  run(watchOption(addOutput(events)), async () => (await import("../commands/events.js")).run);

  const jobs = clusterArgument(program.command("jobs"), "[cluster]")
    .summary("list jobs")
    .description("Lists the jobs of a cluster, or of all, newest first.")
    .addOption(completedBy(new Option("--state <states>", "only in these states: a,b").argParser(list), JOB_STATES))
    .addOption(new Option("--limit <n>", "at most so many (100)").argParser(integer(1, 100_000)));
  run(watchOption(addOutput(jobs)), async () => (await import("../commands/jobs.js")).run);

  const tasks = jobOption(clusterArgument(program.command("tasks"), "<name>", JOB))
    .summary("list the tasks of a job")
    .description("Lists the tasks of a job in the order of their stages.")
    .addOption(completedBy(new Option("--state <states>", "only in these states: a,b").argParser(list), TASK_STATES))
    .addOption(new Option("--node <n>", "only this node").argParser(integer(1, LARGEST)))
    .addOption(completedBy(new Option("--service <name>", "only this service"), "service"))
    .option("--retried", "only tasks tried more than once");
  run(watchOption(addOutput(tasks)), async () => (await import("../commands/tasks.js")).run);

  const wait = jobOption(clusterArgument(program.command("wait"), "<name>", JOB))
    .summary("wait for a job")
    .description("Waits, with live progress, until a job is complete or in the state that --wait names.");
  run(addOutput(addWait(wait, "complete")), async () => (await import("../commands/wait.js")).run);

  const steer = (name: string, summary: string, description: string, usual: string, load: () => Promise<Run>): void => {
    const command = jobOption(clusterArgument(program.command(name), "<name>", JOB))
      .summary(summary)
      .description(description);
    run(addOutput(addMutation(addWait(command, usual))), load);
  };
  steer(
    "pause",
    "hand out no more tasks of a job",
    "Hands out no more tasks of a job; those that run go on.",
    "paused",
    async () => (await import("../commands/steer.js")).pause,
  );
  steer(
    "resume",
    "let a paused job go on",
    "Lets a paused job go on.",
    "complete",
    async () => (await import("../commands/steer.js")).resume,
  );
  steer(
    "cancel",
    "stop a job",
    "Kills what runs of a job and ends it. What was made stays until the job is retried or the cluster deleted.",
    "cancelled",
    async () => (await import("../commands/steer.js")).cancel,
  );
  steer(
    "retry",
    "let a failed job go on where it stopped",
    "Lets a failed or cancelled job go on where it stopped; what is done is not repeated.",
    "complete",
    async () => (await import("../commands/steer.js")).retry,
  );

  const task = (name: string, summary: string, description: string): Command =>
    jobOption(clusterArgument(program.command(name), "<name>", "CLUSTER, CLUSTER/jobs/N or CLUSTER/jobs/N/tasks/N"))
      .summary(summary)
      .description(description)
      .addOption(new Option("--task <n>", "the task's number").argParser(integer(0, LARGEST)));
  const retryTask = task("retry-task", "run one failed task again", "Runs one failed task again.");
  run(
    addOutput(addMutation(addWait(retryTask, "complete"))),
    async () => (await import("../commands/steer.js")).retryTask,
  );
  const skipTask = task(
    "skip-task",
    "count a task as done",
    "Counts a failed or waiting task as done. The reason is kept in the log.",
  ).requiredOption("--reason <text>", "why it may be skipped");
  run(
    addOutput(addMutation(addWait(skipTask, "complete"))),
    async () => (await import("../commands/steer.js")).skipTask,
  );
}
