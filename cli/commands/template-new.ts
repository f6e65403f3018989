/** `loom template new`: the folder that a template begins with. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { shippedCatalog } from "../../services/common/shipped-catalog.js";
import { badInput, CliError, EXIT } from "../exit.js";
import type { Session } from "../session.js";
import { skeleton } from "../templates/skeleton.js";
import { catalogOf } from "./template-lint.js";

export interface NewOptions {
  readonly dir?: string;
  readonly services?: readonly string[];
}

/** Stands in file names, in the shell and in names of machines. */
const NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

export async function run(session: Session, options: NewOptions, name: string): Promise<number> {
  const services = options.services ?? [`${name}-server`.slice(0, 40)];
  checkName("template", name);
  for (const service of services) checkName("service", service);
  const twice = services.find((service, index) => services.indexOf(service) !== index);
  if (twice !== undefined) throw badInput(`The service ${twice} is named twice.`);
  await checkShipped(name, services);
  const folder = options.dir ?? name;
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw badInput(`${folder} is a file.`);
  const files = skeleton(name, services, folder)
    .map((file) => ({ ...file, path: join(folder, file.path) }))
    // A folder may hold several templates; it has one README, which is its author's.
    .filter(({ path }) => !path.endsWith("README.md") || !existsSync(path));
  const there = files.filter(({ path }) => existsSync(path));
  if (there.length > 0)
    throw badInput(
      `${there.map(({ path }) => path).join(" and ")} ${there.length === 1 ? "is" : "are"} there already: nothing was written.`,
      "Choose other names, or another folder with --dir.",
    );
  for (const { path, text } of files) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      // Whoever wrote the file meanwhile keeps it.
      writeFileSync(path, text, { flag: "wx" });
    } catch (cause) {
      throw new CliError(EXIT.failed, `${path} cannot be written (${(cause as NodeJS.ErrnoException).code}).`, {
        cause,
      });
    }
    session.print(path);
  }
  session.say(`Check it: loom template lint ${folder}`);
  session.say(`Try it:   loom template try ${folder}`);
  return EXIT.done;
}

function checkName(what: string, name: string): void {
  if (NAME.test(name)) return;
  throw badInput(
    `"${name}" cannot be the name of a ${what}.`,
    "Use lower-case letters, digits and hyphens, at most 40, a letter first and no hyphen at the end.",
  );
}

/** A document of the same name would replace the one that comes with Loom, for every template that uses it. */
async function checkShipped(name: string, services: readonly string[]): Promise<void> {
  const shipped = await catalogOf(shippedCatalog());
  const what = shipped.ClusterTemplate.has(name)
    ? `template ${name}`
    : services.filter((service) => shipped.Service.has(service)).map((service) => `service ${service}`)[0];
  if (what === undefined) return;
  throw badInput(
    `The ${what} comes with Loom, and a document of that name would replace it.`,
    "Choose another name. A template of yours may use what comes with Loom: name it in defaults.services.",
  );
}
