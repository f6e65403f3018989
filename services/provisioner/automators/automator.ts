/** The interface of automator plugins: how the actions of services are carried out on a node. */
import type { CallContext, FieldSchema, Fields } from "../providers/provider.js";
import type { NodeChannel } from "./channel.js";

/** Which run of which action this is. */
export interface ActionRequest {
  /** install, configure, initialize, start, stop, remove or check. */
  readonly action: string;
  readonly service: string;
  /** The automator's fields, macros expanded. */
  readonly fields: Fields;
  /** The cluster's configuration, macros expanded, secrets in place. */
  readonly config: Fields;
  /** Names this run; a success stored on the node under it is answered again. */
  readonly taskKey: string;
  /** Fences: the node refuses an older one than it has seen, compared in this order. */
  readonly epoch: bigint;
  readonly job: number;
  readonly runner: number;
  readonly attempt: number;
  /** Milliseconds after which the node itself ends the action. */
  readonly timeoutMs: number;
  readonly node: {
    readonly number: number;
    readonly hostname: string;
    readonly services: readonly string[];
    readonly addresses: Readonly<Record<string, string>>;
  };
  readonly clusterName: string;
}

export interface ActionContext extends CallContext {
  /** What the script printed, as it comes. */
  output(stream: "stdout" | "stderr", bytes: Uint8Array): void;
}

export interface ActionOutcome {
  readonly exitCode: number;
  /** True where an older lease was refused by the node. */
  readonly fenced: boolean;
  readonly timedOut: boolean;
}

export interface Automator {
  readonly type: string;
  readonly description: string;
  readonly fields: readonly FieldSchema[];
  /** Puts on the node what the actions need. May be repeated. */
  bootstrap(channel: NodeChannel, context: ActionContext): Promise<void>;
  act(channel: NodeChannel, request: ActionRequest, context: ActionContext): Promise<ActionOutcome>;
  /** Ends this attempt on the node itself, for good: it does not start later either. Its own signal limits the time. */
  kill(channel: NodeChannel, request: ActionRequest, context: CallContext): Promise<void>;
}
