/** The handlers of every service but WorkerService, whose stream has its own file. */
import type { Application } from "../../application.js";
import type { Handlers } from "../stub-types.js";
import { catalogHandlers } from "./catalog.js";
import { clusterHandlers } from "./clusters.js";
import { eventHandlers } from "./events.js";
import { jobHandlers } from "./jobs.js";
import { provisionerHandlers } from "./provisioners.js";
import { strayHandlers } from "./strays.js";
import { systemHandlers } from "./system.js";

export function allHandlers(application: Application, version: string): Handlers {
  return {
    ...catalogHandlers(application.catalog),
    ...clusterHandlers(application.clusters),
    ...eventHandlers(application.events),
    ...jobHandlers(application.jobs),
    ...provisionerHandlers(application.provisioners),
    ...strayHandlers(application.strays),
    ...systemHandlers(application.system, version),
  };
}
