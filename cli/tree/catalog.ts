/** Commands on the catalog. */
import { Option, type Command } from "commander";
import { addFormat, addMutation, addOutput, completedBy, integer, type Runner } from "./options.js";

const DOCUMENT = "KIND/NAME, for example Service/web";
/** Systems whose catalogs can be imported. */
const SYSTEMS = ["coopr"] as const;

function documentArgument(command: Command): Command {
  return command.addArgument(completedBy(command.createArgument("<document>", DOCUMENT), "document"));
}

export function addCatalogCommands(program: Command, run: Runner): void {
  const catalog = program
    .command("catalog")
    .summary("providers, hardware, images, services and templates")
    .description(
      "The documents that clusters are made from: providers, hardware types, image types, services and templates.",
    );

  const list = catalog
    .command("list")
    .alias("ls")
    .summary("list documents")
    .description("Lists the newest version of every document.");
  list.addArgument(
    completedBy(list.createArgument("[kind]", "only this kind, for example service or template"), "kind"),
  );
  run(addOutput(list), async () => (await import("../commands/catalog.js")).list);

  const get = documentArgument(catalog.command("get"))
    .summary("print a document")
    .description("Prints a document as it is written in files; -o json gives it with its version and etag.")
    .addOption(new Option("--version <n>", "this version instead of the newest").argParser(integer(1, 2_147_483_647)));
  run(addFormat(get), async () => (await import("../commands/catalog.js")).get);

  const versions = documentArgument(catalog.command("versions"))
    .summary("list the versions of a document")
    .description("Lists every version of a document that was ever written, newest first.")
    .option("--diff", "what each version changed");
  run(addOutput(versions), async () => (await import("../commands/catalog.js")).versions);

  const folder = "folder with YAML or JSON documents, or one file";
  const validate = catalog
    .command("validate")
    .argument("<folder>", folder)
    .summary("check documents, without a server")
    .description(
      "Checks the documents of a folder and tells every problem with its file, line and column. Needs no server.",
    );
  run(addFormat(validate), async () => (await import("../commands/catalog-files.js")).validate);

  const diff = catalog
    .command("diff")
    .argument("<folder>", folder)
    .summary("what applying a folder would change")
    .description("Shows what differs between the documents of a folder and those on the server. Changes nothing.")
    .option("--detailed-exit-code", "exit with 4 where there are changes");
  run(addOutput(diff), async () => (await import("../commands/catalog-files.js")).diff);

  const apply = catalog
    .command("apply")
    .argument("<folder>", folder)
    .summary("write documents to the server")
    .description(
      "Writes the documents of a folder: all of them or, where one is wrong, none. Those that are unchanged make no new version.",
    );
  run(addOutput(addMutation(apply)), async () => (await import("../commands/catalog-files.js")).apply);

  const exported = catalog
    .command("export")
    .argument("<folder>", "folder to write to")
    .summary("write the server's documents into a folder")
    .description("Writes every document of the server into a file of its own.")
    .option("--force", "also into a folder that is not empty");
  run(exported, async () => (await import("../commands/catalog-files.js")).exportAll);

  const imported = catalog
    .command("import")
    .argument("<folder>", "folder of the other system's catalog")
    .summary("turn another system's catalog into documents, without a server")
    .description(
      "Turns the catalog of another system into Loom's own documents, one in a file, and tells what is not carried over as it was. Needs no server and changes none: look at the documents, then apply them.",
    )
    .addOption(
      completedBy(new Option("--from <system>", "whose catalog it is"), SYSTEMS)
        .choices([...SYSTEMS])
        .makeOptionMandatory(),
    )
    .requiredOption("--out <folder>", "folder to write to; new, or empty")
    .option("--force", "also into a folder that is not empty: documents of the same name are replaced")
    .option("--currency <code>", "carry costs over as prices in this currency, such as USD");
  run(addFormat(imported), async () => (await import("../commands/catalog-import.js")).run);

  const remove = documentArgument(catalog.command("delete"))
    .summary("remove a document")
    .description(
      "Removes a document from the catalog. Clusters that were made from it go on; its version numbers are never used again.",
    )
    .option("-y, --yes", "do not ask");
  run(addOutput(addMutation(remove)), async () => (await import("../commands/catalog.js")).remove);
}
