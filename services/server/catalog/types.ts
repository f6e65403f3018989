/**
 * The documents of the catalog as plain records. Field names are the proto JSON names of proto/loom/v1/catalog.proto,
 * so a document read from YAML, a document in the database and a document on the wire look the same.
 */

/** What a document describes. */
export const DOCUMENT_KINDS = [
  "Provider",
  "HardwareType",
  "ImageType",
  "Service",
  "ClusterTemplate",
  "PartialTemplate",
] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface Provider {
  readonly type: string;
  readonly description?: string;
  readonly fields?: JsonObject;
  /** Label of the provisioners that serve it, which run on other machines; absent: that of Loom's own machine. */
  readonly provisioner?: string;
}

/** What one machine costs. */
export interface Price {
  /** An exact decimal, such as `0.12`. */
  readonly perHour: string;
  /** Three capital letters. */
  readonly currency: string;
}

export interface HardwareType {
  readonly description?: string;
  /** By provider name. */
  readonly providers?: Readonly<
    Record<string, { readonly flavor?: string; readonly fields?: JsonObject; readonly price?: Price }>
  >;
  /** Where the provider's mapping has none. */
  readonly price?: Price;
}

export interface ImageType {
  readonly description?: string;
  /** By provider name. */
  readonly providers?: Readonly<Record<string, { readonly image?: string; readonly user?: string }>>;
}

export interface Dependencies {
  readonly requires?: readonly string[];
  readonly uses?: readonly string[];
}

/** One way of carrying out an action. */
export interface ActionVariant {
  /** Empty or absent: every image type that no other variant names. */
  readonly imageTypes?: readonly string[];
  /** Automator type; `shell` where absent. */
  readonly type?: string;
  readonly fields?: JsonObject;
  /** Seconds; 1800 where absent or 0. */
  readonly timeoutSeconds?: number;
}

/** An action, or several variants of it by image type. */
export interface Action extends Omit<ActionVariant, "imageTypes"> {
  readonly variants?: readonly ActionVariant[];
}

/** Actions a service may define, in the order of a node's life. */
export const SERVICE_ACTIONS = ["install", "configure", "initialize", "start", "stop", "remove"] as const;
export type ServiceAction = (typeof SERVICE_ACTIONS)[number];

export interface Link {
  readonly label: string;
  readonly url: string;
}

export interface Service {
  readonly description?: string;
  readonly provides?: readonly string[];
  readonly conflicts?: readonly string[];
  readonly install?: Dependencies;
  readonly runtime?: Dependencies;
  readonly actions?: Readonly<Partial<Record<ServiceAction, Action>>>;
  readonly config?: JsonObject;
  readonly links?: readonly Link[];
}

export interface ServiceConstraint {
  /** 1 where absent. */
  readonly min?: number;
  /** No limit where absent. */
  readonly max?: number;
  readonly hardwareTypes?: readonly string[];
  readonly imageTypes?: readonly string[];
}

export interface Check extends Omit<ActionVariant, "imageTypes"> {
  readonly service: string;
  /** Short for type `shell` with `fields.script`. */
  readonly script?: string;
  readonly variants?: readonly ActionVariant[];
}

/** How long clusters live, as durations such as `8h`; `0` is no limit. */
export interface LeaseTerms {
  /** Of a new cluster, and the most that may be asked for; `max` where absent. */
  readonly initial?: string;
  /** From the creation on, extensions included. */
  readonly max?: string;
  /** The most that one extension may add. */
  readonly step?: string;
}

export interface ClusterTemplate {
  readonly description?: string;
  readonly extends?: string;
  readonly includes?: readonly string[];
  readonly defaults?: {
    readonly services?: readonly string[];
    readonly provider?: string;
    readonly hardwareType?: string;
    readonly imageType?: string;
    readonly dnsSuffix?: string;
    readonly config?: JsonObject;
  };
  readonly compatibility?: {
    readonly hardwareTypes?: readonly string[];
    readonly imageTypes?: readonly string[];
    readonly services?: readonly string[];
  };
  readonly constraints?: {
    readonly layout?: {
      readonly mustCoexist?: readonly (readonly string[])[];
      readonly cantCoexist?: readonly (readonly string[])[];
    };
    readonly services?: Readonly<Record<string, ServiceConstraint>>;
    readonly size?: { readonly min?: number; readonly max?: number };
  };
  readonly check?: Check;
  readonly links?: readonly Link[];
  /** Of partial templates only. */
  readonly immutable?: boolean;
  readonly stopBeforeDelete?: boolean;
  readonly lease?: LeaseTerms;
}

/** The body of a document of each kind. */
export interface Bodies {
  readonly Provider: Provider;
  readonly HardwareType: HardwareType;
  readonly ImageType: ImageType;
  readonly Service: Service;
  readonly ClusterTemplate: ClusterTemplate;
  readonly PartialTemplate: ClusterTemplate;
}

/** A document without a version, as read from a file. */
export type CatalogDocument = {
  [K in DocumentKind]: { readonly kind: K; readonly name: string; readonly body: Bodies[K] };
}[DocumentKind];

/** Everything a catalog holds, newest versions, by name. What the pure cores look things up in. */
export interface Catalog {
  readonly Provider: ReadonlyMap<string, Provider>;
  readonly HardwareType: ReadonlyMap<string, HardwareType>;
  readonly ImageType: ReadonlyMap<string, ImageType>;
  readonly Service: ReadonlyMap<string, Service>;
  readonly ClusterTemplate: ReadonlyMap<string, ClusterTemplate>;
  readonly PartialTemplate: ReadonlyMap<string, ClusterTemplate>;
}

/** Something wrong with a document. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** `{kind}/{name}`, empty where the document has none. */
  readonly document: string;
  readonly file: string;
  /** From 1; 0 where not known. */
  readonly line: number;
  /** From 1; 0 where not known. */
  readonly column: number;
  /** For example `constraints.services.web.min`. */
  readonly path: string;
  readonly message: string;
  /** Empty where nothing better is known than the message. */
  readonly suggestion: string;
}
