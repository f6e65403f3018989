/** Catalogs of the coopr system for tests, and what is said of them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { convertCatalog } from "../../services/server/catalog/coopr/convert.js";
import {
  SOURCE_FOLDERS,
  type Conversion,
  type ConversionOptions,
  type Finding,
  type SourceFile,
} from "../../services/server/catalog/coopr/types.js";

export const OPTIONS: ConversionOptions = { ownTypes: { providers: ["docker", "local"], automators: ["shell"] } };

/** Every file of the folders of a catalog. */
export function filesOf(folder: string): SourceFile[] {
  return Object.keys(SOURCE_FOLDERS).flatMap((name) =>
    readdirSync(join(folder, name)).map((file) => ({
      path: `${name}/${file}`,
      folder: name,
      text: readFileSync(join(folder, name, file), "utf8"),
    })),
  );
}

/** Documents by folder, each as it stands or as the text of a file. */
export function convert(
  documents: Readonly<Record<string, readonly (object | string)[]>>,
  options = OPTIONS,
): Conversion {
  return convertCatalog(
    Object.entries(documents).flatMap(([folder, list]) =>
      list.map((one, index) => ({
        path: `${folder}/${index}.json`,
        folder,
        text: typeof one === "string" ? one : JSON.stringify(one, undefined, 1),
      })),
    ),
    options,
  );
}

export const MACHINES = {
  providers: [{ name: "p", providertype: "cloud" }],
  hardwaretypes: [{ name: "h", providermap: { p: { flavor: "1" } } }],
  imagetypes: [{ name: "i", providermap: { p: { image: "1" } } }],
};
export const withTemplate = (
  template: object,
  services: readonly object[] = [{ name: "a" }, { name: "b" }],
): Conversion =>
  convert({
    ...MACHINES,
    services: services.map((service) => ({ dependencies: {}, provisioner: { actions: {} }, ...service })),
    clustertemplates: [{ name: "t", ...template }],
  });
export const bodyOf = <T>(conversion: Conversion, id: string): T =>
  conversion.documents.find(({ document }) => `${document.kind}/${document.name}` === id)?.document.body as T;
export const short = (findings: readonly Finding[]): string[] =>
  findings.map(
    ({ outcome, document, file, line, column, path, reason }) =>
      `${file}:${line}:${column} ${outcome} ${document} ${path}: ${reason}`,
  );
/** Without what is said of plugin types. */
export const told = (conversion: Conversion): string[] =>
  short(conversion.findings.filter((finding) => !/(provider|automator) type "/.test(finding.reason)));

export const FIXTURE = new URL("../fixtures/coopr", import.meta.url).pathname;
