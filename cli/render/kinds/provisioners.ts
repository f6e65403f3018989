/** Columns of provisioners of other machines. */
import { Provisioner_State, ProvisionerSchema, type Provisioner } from "../../../gen/web/loom/v1/provisioner_pb.js";
import type { RecordKind } from "../output.js";
import { moment } from "../table.js";
import { millis, word } from "../words.js";

/** The name without `provisioners/`. */
export function provisionerId(provisioner: Provisioner): string {
  return provisioner.name.slice("provisioners/".length);
}

/** `JOINED, away` is one that has no connection now. */
function stateOf({ state, connected }: Provisioner): string {
  const name = word(Provisioner_State as unknown as Record<number, string>, state);
  return state === Provisioner_State.JOINED && !connected ? `${name}, away` : name;
}

export const PROVISIONERS: RecordKind<Provisioner> = {
  schema: ProvisionerSchema,
  plural: "provisioners",
  nameOf: (provisioner) => provisioner.name,
  empty: "No provisioners of other machines. Invite one with: loom provisioner token LABEL",
  columns: [
    { name: "id", value: provisionerId },
    { name: "label", value: (provisioner) => provisioner.label },
    {
      name: "state",
      value: stateOf,
      paint: (text, palette, { state, connected }) =>
        state === Provisioner_State.JOINED
          ? connected
            ? palette.green(text)
            : palette.yellow(text)
          : palette.dim(text),
    },
    { name: "host", value: ({ host }) => host || "-", flexible: true },
    { name: "providers", value: ({ providerTypes }) => providerTypes.join(",") || "-", flexible: true },
    { name: "slots", value: ({ slots }) => String(slots), right: true },
    { name: "datacenter", value: ({ datacenter }) => datacenter || "-", wide: true },
    { name: "creator", value: ({ creator }) => creator, wide: true },
    { name: "created", value: ({ createTime }, context) => moment(millis(createTime), context) },
    {
      name: "token-ends",
      value: ({ tokenExpireTime }, context) => moment(millis(tokenExpireTime), context),
      wide: true,
    },
    { name: "joined", value: ({ joinTime }, context) => moment(millis(joinTime), context) },
    {
      name: "certificate-ends",
      value: ({ certificateExpireTime }, context) => moment(millis(certificateExpireTime), context),
      wide: true,
    },
  ],
};
