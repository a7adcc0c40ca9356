import type { Goal, GoalColour, GoalDirection, GoalPoint, InboundTargetKind } from '@posthorn/protocol';
import type { Page, PageQuery } from './resources.ts';
import type { CallOptions, PostOptions, Transport } from './transport.ts';

/** A goal with its latest point. */
export interface GoalWithPoint extends Goal {
  readonly colour: GoalColour | null;
  readonly latestPoint: GoalPoint | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Decimals may be strings, which keep every digit, or numbers. */
export interface GoalSettings {
  readonly name?: string;
  readonly direction?: GoalDirection;
  readonly timeZone?: string | null;
  readonly goodThreshold?: string | number | null;
  readonly badThreshold?: string | number | null;
}

export interface NewGoal extends GoalSettings {
  readonly id?: string;
  readonly name: string;
  readonly direction: GoalDirection;
}

/** Measured goals. Every call throws PosthornApiError or PosthornConnectionError. */
export interface Goals {
  create(goal: NewGoal, options?: PostOptions): Promise<GoalWithPoint>;
  list(query?: PageQuery, options?: CallOptions): Promise<Page<GoalWithPoint>>;
  get(id: string, options?: CallOptions): Promise<GoalWithPoint>;
  update(id: string, change: GoalSettings, options?: CallOptions): Promise<GoalWithPoint>;
  /** Posts to its inbound hooks then return 410. */
  delete(id: string, options?: CallOptions): Promise<void>;
  /** Lists its points, latest date first. `from` and `to` are dates such as `2017-03-16`. */
  points(id: string, query?: PageQuery & { readonly from?: string; readonly to?: string }, options?: CallOptions): Promise<Page<GoalPoint>>;
}

export interface InboundHook {
  readonly id: string;
  readonly target: { readonly kind: InboundTargetKind; readonly id: string };
  readonly name: string;
  readonly description: string | null;
  readonly enabled: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Only the response that creates or rotates a key contains the URL. */
export interface KeyedInboundHook extends InboundHook {
  readonly url: string;
}

export interface NewInboundHook {
  readonly target: { readonly kind: InboundTargetKind; readonly id: string };
  readonly name?: string;
  readonly description?: string | null;
}

/** A request that a hook received. */
export interface InboundRequest {
  readonly id: string;
  readonly at: string;
  readonly accepted: boolean;
  readonly status: number;
  readonly code: string | null;
  readonly errors: readonly { readonly path: string; readonly rule: string; readonly message: string }[];
  readonly payload: string | null;
  readonly sourceIp: string;
}

/** Inbound hooks: URLs with a key that receive data. Every call throws PosthornApiError or PosthornConnectionError. */
export interface InboundHooks {
  create(hook: NewInboundHook, options?: PostOptions): Promise<KeyedInboundHook>;
  list(query?: PageQuery, options?: CallOptions): Promise<Page<InboundHook>>;
  get(id: string, options?: CallOptions): Promise<InboundHook>;
  update(
    id: string,
    change: { readonly name?: string; readonly description?: string | null; readonly enabled?: boolean },
  ): Promise<InboundHook>;
  delete(id: string, options?: CallOptions): Promise<void>;
  /** The old key keeps working for `overlapSeconds`. Default: a day. */
  rotateKey(id: string, input?: { readonly overlapSeconds?: number }, options?: PostOptions): Promise<KeyedInboundHook>;
  /** Lists the requests that it received, newest first. */
  requests(id: string, query?: PageQuery, options?: CallOptions): Promise<Page<InboundRequest>>;
}

export function goalsAt(transport: Transport, place: readonly string[]): Goals {
  const all = [...place, 'goals'];
  return {
    create: (goal, options) => transport.post(all, goal, options),
    list: (query, options) => transport.get(all, query, options),
    get: (id, options) => transport.get([...all, id], undefined, options),
    update: (id, change, options) => transport.patch([...all, id], change, options),
    delete: (id, options) => transport.delete([...all, id], options),
    points: (id, query, options) => transport.get([...all, id, 'points'], query, options),
  };
}

export function inboundHooksAt(transport: Transport, place: readonly string[]): InboundHooks {
  const all = [...place, 'inbound-hooks'];
  return {
    create: (hook, options) => transport.post(all, hook, options),
    list: (query, options) => transport.get(all, query, options),
    get: (id, options) => transport.get([...all, id], undefined, options),
    update: (id, change) => transport.patch([...all, id], change),
    delete: (id, options) => transport.delete([...all, id], options),
    rotateKey: (id, input = {}, options) => transport.post([...all, id, 'rotate-key'], input, options),
    requests: (id, query, options) => transport.get([...all, id, 'requests'], query, options),
  };
}
