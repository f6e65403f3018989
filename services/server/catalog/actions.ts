/** Which way of an action is taken on which image. */
import { mergeConfig } from "./config.js";
import type { Action, ActionVariant, Check, JsonObject, Service } from "./types.js";

/** The automator type of an action that says none. */
export const DEFAULT_AUTOMATOR = "shell";
/** Seconds after which an action that says nothing is stopped. */
export const DEFAULT_TIMEOUT_SECONDS = 1800;

/** An action as it is carried out. */
export interface EffectiveAction {
  /** Automator type. */
  readonly type: string;
  readonly fields: JsonObject;
  /** Seconds, above 0. */
  readonly timeoutSeconds: number;
}

/**
 * How an action is carried out on an image type, or undefined where no variant covers it: the variant that names the
 * image type, else the one that names none. A variant takes over what it does not say from the action itself, fields
 * key by key; fields only where it is of the same automator type.
 */
export function effectiveAction(action: Action, imageType: string): EffectiveAction | undefined {
  const variants = action.variants ?? [];
  const variant = variants.find((one) => one.imageTypes?.includes(imageType)) ?? variants.find(isForTheRest);
  if (variants.length > 0 && variant === undefined) return undefined;
  const ownType = action.type ?? DEFAULT_AUTOMATOR;
  const type = variant?.type ?? ownType;
  return {
    type,
    fields: mergeConfig(type === ownType ? (action.fields ?? {}) : {}, variant?.fields ?? {}),
    timeoutSeconds: variant?.timeoutSeconds || action.timeoutSeconds || DEFAULT_TIMEOUT_SECONDS,
  };
}

/** Every way an action can be carried out, each with where it stands in the action. */
export function waysOf(
  action: Action,
): { readonly way: EffectiveAction; readonly path: readonly (string | number)[] }[] {
  const variants = action.variants ?? [];
  if (variants.length === 0) return [{ way: effectiveAction(action, "")!, path: [] }];
  return variants.map((variant, index) => ({
    way: effectiveAction({ ...action, variants: [{ ...variant, imageTypes: [] }] }, "")!,
    path: ["variants", index],
  }));
}

/** A template's check as an action: its `script` is short for type shell with that script. */
export function checkAction(check: Check): Action {
  const { service: _service, script, ...action } = check;
  return script === undefined ? action : { ...action, fields: { ...action.fields, script } };
}

/** Image types the action covers, in code point order; undefined for all. */
export function coveredImageTypes(action: Action): readonly string[] | undefined {
  const variants = action.variants ?? [];
  if (variants.length === 0 || variants.some(isForTheRest)) return undefined;
  return [...new Set(variants.flatMap((variant) => variant.imageTypes ?? []))].sort();
}

/** Image types that every action of the service covers, in code point order; undefined for all. */
export function imageTypesOf(service: Service): readonly string[] | undefined {
  let covered: readonly string[] | undefined;
  for (const action of Object.values(service.actions ?? {})) {
    const these = coveredImageTypes(action);
    if (these === undefined) continue;
    covered = covered === undefined ? these : covered.filter((name) => these.includes(name));
  }
  return covered;
}

function isForTheRest(variant: ActionVariant): boolean {
  return (variant.imageTypes ?? []).length === 0;
}
