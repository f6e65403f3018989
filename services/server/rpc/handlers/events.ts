/** EventService. */
import type { WatchEventsResponse } from "../../../../gen/services/loom/v1/event.js";
import type { EventOperations } from "../../application.js";
import { withHeartbeats } from "../heartbeats.js";
import { parseCluster } from "../names.js";
import type { HandlersOf } from "../stub-types.js";
import { eventToWire } from "../wire/event.js";
import { mapped, pageOf } from "./pages.js";

/** The cluster whose events are asked for; empty for those of all. */
const parentOf = (parent: string): string => (parent === "" ? "" : parseCluster(parent, "parent"));

export function eventHandlers(events: EventOperations): HandlersOf<"EventService"> {
  return {
    "EventService.ListEvents": async (request, { caller }) => {
      const page = await events.list(caller, parentOf(request.parent), pageOf(request));
      return { events: page.items.map(eventToWire), nextPageToken: page.nextPageToken, unreachable: [] };
    },

    "EventService.WatchEvents": (request, { caller, signal }) => {
      const changes = events.watch(caller, parentOf(request.parent), request.resumeToken, signal);
      const messages = mapped(changes, ({ value, resumeToken }): WatchEventsResponse => ({
        events: value.map(eventToWire),
        resumeToken,
      }));
      const heartbeat = (last: WatchEventsResponse | undefined): WatchEventsResponse => ({
        events: [],
        resumeToken: last?.resumeToken ?? request.resumeToken,
      });
      return withHeartbeats(messages, signal, heartbeat);
    },
  };
}
