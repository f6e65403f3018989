/** Provisioners of other machines as messages. */
import { Provisioner_State, type Provisioner } from "../../../../gen/services/loom/v1/provisioner.js";
import type { ProvisionerView } from "../../views.js";
import { provisionerPath } from "../names.js";

const STATES: Readonly<Record<ProvisionerView["state"], Provisioner_State>> = {
  INVITED: Provisioner_State.STATE_INVITED,
  EXPIRED: Provisioner_State.STATE_EXPIRED,
  JOINED: Provisioner_State.STATE_JOINED,
  REVOKED: Provisioner_State.STATE_REVOKED,
};

export function provisionerToWire({ id, state, providerTypes, ...rest }: ProvisionerView): Provisioner {
  return { name: provisionerPath(id), state: STATES[state], providerTypes: [...providerTypes], ...rest };
}
