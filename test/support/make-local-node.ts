/** Makes one node of provider `local` and deletes it, again and again, until it is killed. Arguments: folder, cluster UUID. */
import { createLocalProvider } from "../../services/provisioner/providers/local/provider.js";
import { context, machine } from "../conformance/machines.js";

const [folder, uid] = process.argv.slice(2) as [string, string];
const provider = createLocalProvider({ folder });
const request = machine({ provider, fields: {}, flavor: "small", image: "this-machine" }, uid, 1000, 1);
process.stdout.write("ready\n");
for (;;) {
  await provider.create(request, context());
  await provider.confirm(request, context());
  await provider.delete(request, context());
}
