/** Events as messages. */
import type { Event } from "../../../../gen/services/loom/v1/event.js";
import type { EventView } from "../../views.js";
import { clusterPath, jobPath } from "../names.js";
import { eventSeverities } from "./enums.js";

export function eventToWire(event: EventView): Event {
  return {
    name: `events/${event.id}`,
    time: event.time,
    severity: eventSeverities.toWire(event.severity),
    reason: event.reason,
    message: event.message,
    cluster: event.cluster === "" ? "" : clusterPath(event.cluster),
    job: event.job === 0 ? "" : jobPath(event.cluster, event.job),
    actor: event.actor,
  };
}
