/** What turning a catalog of the coopr system into Loom's own documents takes and gives. */
import type { CatalogDocument, DocumentKind, Price } from "../types.js";

/** Folders of such a catalog, each with JSON documents of one kind. */
export const SOURCE_FOLDERS: Readonly<Record<string, DocumentKind>> = {
  providers: "Provider",
  hardwaretypes: "HardwareType",
  imagetypes: "ImageType",
  services: "Service",
  partialtemplates: "PartialTemplate",
  clustertemplates: "ClusterTemplate",
};

/** A file of the source. */
export interface SourceFile {
  /** Shown in findings. */
  readonly path: string;
  /** The folder of {@link SOURCE_FOLDERS} it is in. */
  readonly folder: string;
  readonly text: string;
}

/**
 * What became of something that is not carried over as it was.
 * `lost`: the document could not be read and is not there. `dropped`: a part of it is not there. `changed`: it is
 * written in another way, or means something else. `inactive`: it is there, but nothing that ships with Loom acts on it.
 */
export const OUTCOMES = ["lost", "dropped", "changed", "inactive"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Something that is not carried over as it was. */
export interface Finding {
  readonly outcome: Outcome;
  /** `{kind}/{name}`, only the kind where there is no name. */
  readonly document: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** In the document of the source, for example `defaults.hardwaretype`. */
  readonly path: string;
  readonly reason: string;
  /** What to do about it; empty where there is nothing. */
  readonly advice: string;
}

/** What a template of the source comes to. */
export interface TemplateOutcome {
  readonly name: string;
  /** The least number of nodes it can be laid out on; undefined where it cannot with its own defaults. */
  readonly fewest: number | undefined;
  /** Nodes and their services at that size, the most preferred first. */
  readonly layout: readonly { readonly count: number; readonly services: readonly string[] }[];
  /** Why it cannot be laid out with its own defaults; empty where it can. */
  readonly reason: string;
}

export interface ConvertedDocument {
  readonly document: CatalogDocument;
  /** Of the source. */
  readonly file: string;
}

export interface Conversion {
  /** By kind, then by name. */
  readonly documents: readonly ConvertedDocument[];
  /** In reading order. */
  readonly findings: readonly Finding[];
  /** In name order. */
  readonly templates: readonly TemplateOutcome[];
}

export interface ConversionOptions {
  /** The currency of hardware types' `cost`, which the source does not tell; without it costs are not carried over. */
  readonly currency?: Price["currency"];
  /** Names of Loom's own plugin types: a type of the source of the same name is another one. */
  readonly ownTypes: { readonly providers: readonly string[]; readonly automators: readonly string[] };
}
