/** Colours of the terminal. Colour never says anything that the text does not say too. */
import type { Sink, Terminal } from "../terminal.js";

export type Style = (text: string) => string;

export interface Palette {
  readonly enabled: boolean;
  readonly bold: Style;
  readonly dim: Style;
  readonly red: Style;
  readonly green: Style;
  readonly yellow: Style;
  readonly blue: Style;
  readonly magenta: Style;
  readonly cyan: Style;
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;

export type ColourChoice = "auto" | "always" | "never";

/** Whether to colour what goes to a sink: the flag first, then NO_COLOR, then whether it is a terminal. */
export function wantsColour(sink: Sink, env: Terminal["env"], choice: ColourChoice): boolean {
  if (choice !== "auto") return choice === "always";
  return (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb" && sink.isTTY === true;
}

/** Styles that do nothing where colour is not wanted. */
export function createPalette(enabled: boolean): Palette {
  const style = (name: keyof typeof CODES): Style => {
    const [on, off] = CODES[name];
    return enabled ? (text) => (text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`) : (text) => text;
  };
  return {
    enabled,
    bold: style("bold"),
    dim: style("dim"),
    red: style("red"),
    green: style("green"),
    yellow: style("yellow"),
    blue: style("blue"),
    magenta: style("magenta"),
    cyan: style("cyan"),
  };
}

const GOOD = new Set(["ACTIVE", "UP", "COMPLETE", "CREATED", "INFO"]);
const BUSY = new Set(["PENDING", "RUNNING", "QUEUED", "CREATING", "DELETING", "READY", "CANCELLING"]);
const DOUBTFUL = new Set(["RETRYING", "WAITING", "PAUSED", "WARNING", "SKIPPED", "UPDATED", "KEPT", "LOST"]);
const BAD = new Set(["FAILED", "INCOMPLETE", "INCONSISTENT", "DOWN", "MISSING", "ERROR"]);

/** A state's text in its colour. */
export function paintState(state: string, palette: Palette): string {
  // `ACTIVE (1 down)`
  if (state.endsWith(")")) return palette.red(state);
  if (GOOD.has(state)) return palette.green(state);
  if (BUSY.has(state)) return palette.cyan(state);
  if (DOUBTFUL.has(state)) return palette.yellow(state);
  if (BAD.has(state)) return palette.red(state);
  return palette.dim(state);
}

/** The style of a node, the same one each time: what belongs together is seen together. */
export function nodeStyle(node: number, palette: Palette): Style {
  const styles = [palette.cyan, palette.green, palette.yellow, palette.magenta, palette.blue];
  return styles[node % styles.length]!;
}
