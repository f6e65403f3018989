/** Where in a document of the source a field of Loom's document comes from. */
import type { Path } from "../paths.js";
import type { DocumentKind } from "../types.js";

/** Fields that have another name in the source; the rest differ in capitals only. */
const RENAMED: Readonly<Record<string, string>> = { type: "providertype", user: "sshuser" };

/** The path in the source document, as near as it can be told. */
export function sourcePath(kind: DocumentKind, path: Path): Path {
  const [first, ...rest] = path;
  if (first === undefined) return path;
  switch (kind) {
    case "Provider":
      return first === "fields" ? ["provisioner", ...rest] : [RENAMED[first] ?? first, ...rest];
    case "HardwareType":
    case "ImageType": {
      if (first !== "providers") return path;
      const [provider, field, ...inner] = rest;
      const own =
        field === undefined || field === "fields" ? [] : [RENAMED[field] ?? (field === "price" ? "cost" : field)];
      return [
        "providermap",
        ...(provider === undefined ? [] : [provider]),
        ...own,
        ...(field === "price" ? [] : inner),
      ];
    }
    case "Service":
      if (first === "actions") return ["provisioner", ...path];
      return first === "links" || first === "description" ? path : ["dependencies", ...path];
    case "ClusterTemplate":
    case "PartialTemplate":
      return templatePath(first, rest);
  }
}

function templatePath(first: string | number, rest: Path): Path {
  const [second, third, fourth] = rest;
  if (first === "lease") return ["administration", "leaseduration", ...rest];
  if (first === "constraints" && second === "services" && (fourth === "min" || fourth === "max"))
    return [first, second, third!, "quantities", fourth];
  // Of what is free-form, and of names, the capitals are the source's own.
  const own =
    first === "defaults" && second === "config" ? 2 : first === "constraints" && second === "services" ? 2 : Infinity;
  return [first, ...rest].map((step, index) =>
    typeof step === "string" &&
    (index < own || index === 3) &&
    /^(hardwareTypes?|imageTypes?|(must|cant)Coexist)$/.test(step)
      ? step.toLowerCase()
      : step,
  );
}
