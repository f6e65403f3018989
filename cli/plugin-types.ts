/**
 * The provider and automator types that Loom ships, for commands that have no server to ask. A test holds them side by
 * side with the plugins themselves.
 */
import type { KnownPlugins, PluginType } from "../services/server/catalog/plugins.js";

type Field = PluginType["fields"][number];

const text = (name: string): Field => ({ name, type: "string" });
const integer = (name: string): Field => ({ name, type: "integer" });
const object = (name: string): Field => ({ name, type: "object" });

/** Types of other plugins are no error here: the server that the documents are meant for may have them. */
export const SHIPPED_PLUGINS: KnownPlugins = {
  unknown: "warning",
  types: [
    {
      kind: "PROVIDER",
      type: "docker",
      fields: [text("host"), text("networkRange"), integer("networkPrefix"), object("mounts"), object("env")],
    },
    { kind: "PROVIDER", type: "local", fields: [text("folder"), text("addressRange")] },
    {
      kind: "PROVIDER",
      type: "simulated",
      fields: [
        text("journal"),
        ...["createMs", "confirmMs", "deleteMs", "bootstrapMs", "actionMs"].map(integer),
        object("faults"),
        text("rules"),
        text("password"),
      ],
    },
    {
      kind: "PROVIDER",
      type: "ssh",
      fields: [
        { name: "hosts", type: "list", required: true },
        ...["user", "privateKey", "privateKeyFile", "knownHosts", "knownHostsFile"].map(text),
        object("jump"),
        { name: "sudo", type: "boolean" },
        text("folder"),
        integer("goneAfterSeconds"),
      ],
    },
    { kind: "AUTOMATOR", type: "shell", fields: [{ ...text("script"), required: true }, object("env")] },
  ],
};
