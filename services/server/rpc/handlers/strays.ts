/** StrayService. */
import type { StrayOperations } from "../../application.js";
import type { HandlersOf } from "../stub-types.js";
import { strayToWire } from "../wire/stray.js";
import { pageOf } from "./pages.js";

export function strayHandlers(strays: StrayOperations): HandlersOf<"StrayService"> {
  return {
    "StrayService.ListStrays": async (request, { caller }) => {
      const page = await strays.list(caller, pageOf(request));
      return { strays: page.items.map(strayToWire), nextPageToken: page.nextPageToken, unreachable: [] };
    },
  };
}
