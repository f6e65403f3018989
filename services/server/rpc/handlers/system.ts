/** SystemService and IdentityService. */
import { LoomError } from "../../../common/errors.js";
import type { SystemOperations } from "../../application.js";
import type { HandlersOf } from "../stub-types.js";
import { quotaToWire } from "../wire/quota.js";
import { mutationOf } from "./pages.js";

/** @param version of the program; what the application says wins where it says something */
export function systemHandlers(
  system: SystemOperations,
  version: string,
): HandlersOf<"SystemService"> & HandlersOf<"IdentityService"> {
  return {
    "SystemService.GetSystem": async (_, { caller }) => {
      const { mode, datacenter, idsStart, idsIncrement, shardsPerDatacenter, ...own } = await system.get(caller);
      return {
        version: own.version === "" ? version : own.version,
        mode,
        datacenter,
        idsStart,
        idsIncrement,
        shardsPerDatacenter,
      };
    },

    "SystemService.GetIdentity": async (_, { caller }) => ({
      user: caller.user,
      tenant: caller.tenant,
      role: caller.role,
    }),

    "SystemService.GetQuota": async (_, { caller }) => quotaToWire(await system.getQuota(caller)),

    "SystemService.SetQuota": async (request, { caller }) => {
      const { maxClusters, maxNodes } = request;
      return quotaToWire(await system.setQuota(caller, { maxClusters, maxNodes }, mutationOf(request)));
    },

    "IdentityService.Identify": async ({ token }) => {
      const identity = await system.identify(token);
      if (identity === undefined)
        throw new LoomError("UNAUTHENTICATED", "The token is not known: it was never given out, or it was revoked.");
      const { tenant, user, role, credential } = identity;
      return { tenant, user, role, credential };
    },
  };
}
