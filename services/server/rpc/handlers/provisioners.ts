/** ProvisionerService for people, EnrolmentService for provisioners of other machines. */
import { LoomError } from "../../../common/errors.js";
import type { Application } from "../../application.js";
import { parseProvisioner } from "../names.js";
import type { HandlersOf } from "../stub-types.js";
import { provisionerToWire } from "../wire/provisioner.js";
import { mutationOf, pageOf } from "./pages.js";

export function provisionerHandlers(
  provisioners: Application["provisioners"],
): HandlersOf<"ProvisionerService"> & HandlersOf<"EnrolmentService"> {
  return {
    "ProvisionerService.ListProvisioners": async (request, { caller }) => {
      const page = await provisioners.list(caller, { ...pageOf(request), showRevoked: request.showRevoked });
      return { provisioners: page.items.map(provisionerToWire), nextPageToken: page.nextPageToken };
    },

    "ProvisionerService.CreateJoinToken": async ({ label, ttlSeconds, requestId, validateOnly }, { caller }) => {
      const made = await provisioners.invite(caller, { label, ttlSeconds, requestId, validateOnly });
      const { provisioner, token, fingerprint, addresses } = made;
      return { provisioner: provisionerToWire(provisioner), token, fingerprint, addresses: [...addresses] };
    },

    "ProvisionerService.RevokeProvisioner": async (request, { caller }) => {
      const id = parseProvisioner(request.name, "name");
      return provisionerToWire(await provisioners.revoke(caller, id, mutationOf(request)));
    },

    "EnrolmentService.Join": async ({ token, certificateRequest, host, datacenter }) => {
      const admission = await provisioners.join({ token, request: certificateRequest, host, datacenter });
      const { id, label, certificate, authority, expireTime } = admission;
      return { provisioner: id, label, certificate, authority, expireTime };
    },

    "EnrolmentService.RenewCertificate": async ({ certificateRequest }, { peer }) => {
      if (peer === undefined) {
        throw new LoomError(
          "PERMISSION_DENIED",
          "Only a provisioner that shows its certificate can renew it. This connection shows none.",
        );
      }
      const { certificate, expireTime } = await provisioners.renew(peer.id, certificateRequest);
      return { certificate, expireTime };
    },
  };
}
