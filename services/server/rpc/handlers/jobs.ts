/** JobService. */
import type { Job, ReadLogsResponse, WatchJobResponse } from "../../../../gen/services/loom/v1/job.js";
import type { Caller, JobOperations, Mutation } from "../../application.js";
import type { JobView } from "../../views.js";
import { withHeartbeats } from "../heartbeats.js";
import { parseClusterOrAll, parseJob, parseJobOrTask, parseTask } from "../names.js";
import type { CallContext, HandlersOf } from "../stub-types.js";
import { jobStates, taskStates } from "../wire/enums.js";
import { attemptToWire, jobToWire, logHeartbeat, logToWire, taskToWire } from "../wire/job.js";
import { mapped, mutationOf, pageOf, words } from "./pages.js";

type Steer = (caller: Caller, cluster: string, job: number, mutation: Mutation) => Promise<JobView>;
type SteerRequest = Mutation & { readonly name: string };

export function jobHandlers(jobs: JobOperations): HandlersOf<"JobService"> {
  const steer =
    (operation: Steer) =>
    async (request: SteerRequest, { caller }: CallContext): Promise<Job> => {
      const { cluster, job } = parseJob(request.name, "name");
      return jobToWire(await operation(caller, cluster, job, mutationOf(request)));
    };

  return {
    "JobService.GetJob": async (request, { caller }) => {
      const { cluster, job } = parseJob(request.name, "name");
      return jobToWire(await jobs.get(caller, cluster, job));
    },

    "JobService.ListJobs": async (request, { caller }) => {
      const states = words(jobStates, request.states);
      const page = await jobs.list(caller, parseClusterOrAll(request.parent, "parent"), { ...pageOf(request), states });
      return { jobs: page.items.map(jobToWire), nextPageToken: page.nextPageToken, unreachable: [] };
    },

    "JobService.WatchJob": (request, { caller, signal }) => {
      const { cluster, job } = parseJob(request.name, "name");
      const changes = jobs.watch(caller, cluster, job, request.resumeToken, signal);
      const messages = mapped(changes, ({ value, resumeToken }): WatchJobResponse => ({
        job: value.job === undefined ? undefined : jobToWire(value.job),
        tasks: value.tasks.map(taskToWire),
        resumeToken,
      }));
      const heartbeat = (last: WatchJobResponse | undefined): WatchJobResponse => ({
        job: undefined,
        tasks: [],
        resumeToken: last?.resumeToken ?? request.resumeToken,
      });
      return withHeartbeats(messages, signal, heartbeat);
    },

    "JobService.PauseJob": steer((...call) => jobs.pause(...call)),
    "JobService.ResumeJob": steer((...call) => jobs.resume(...call)),
    "JobService.CancelJob": steer((...call) => jobs.cancel(...call)),
    "JobService.RetryJob": steer((...call) => jobs.retry(...call)),

    "JobService.ListTasks": async (request, { caller }) => {
      const { cluster, job } = parseJob(request.parent, "parent");
      const states = words(taskStates, request.states);
      const page = await jobs.listTasks(caller, cluster, job, { ...pageOf(request), states, node: request.node });
      return { tasks: page.items.map(taskToWire), nextPageToken: page.nextPageToken };
    },

    "JobService.RetryTask": async (request, { caller }) => {
      const { cluster, job, task } = parseTask(request.name, "name");
      return jobToWire(await jobs.retryTask(caller, cluster, job, task, mutationOf(request)));
    },

    "JobService.SkipTask": async (request, { caller }) => {
      const { cluster, job, task } = parseTask(request.name, "name");
      return jobToWire(await jobs.skipTask(caller, cluster, job, task, request.reason, mutationOf(request)));
    },

    "JobService.ListAttempts": async (request, { caller }) => {
      const { cluster, job, task } = parseTask(request.parent, "parent");
      return { attempts: (await jobs.listAttempts(caller, cluster, job, task)).map(attemptToWire) };
    },

    "JobService.ReadLogs": (request, { caller, signal }) => {
      const { cluster, job, task } = parseJobOrTask(request.name, "name");
      const { attempt, node, follow } = request;
      const logs = jobs.readLogs(caller, cluster, job, { task, attempt, node, follow }, signal);
      const messages = mapped(logs, (log): ReadLogsResponse => (log === undefined ? logHeartbeat() : logToWire(log)));
      return withHeartbeats(messages, signal, logHeartbeat);
    },
  };
}
