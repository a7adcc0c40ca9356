import type { InboundTargetKind, JsonObject, PosthornError } from '@posthorn/protocol';
import type { InboundRequest } from '../store/inbound-log.ts';
import type { Tenant } from '../tenancy/directory.ts';

/** Whether a target is there, and what it is called. */
export type TargetState =
  | { readonly state: 'found'; readonly name: string }
  | { readonly state: 'deleted'; readonly name: string }
  | { readonly state: 'missing' };

/** A post on its way into its target. */
export interface TargetPost {
  readonly tenant: Tenant;
  readonly targetId: string;
  readonly hookId: string;
  /** The body, parsed; a number that a double cannot hold is an ExactNumber. */
  readonly body: unknown;
  /** The log entry of a post that was taken with this status, for a kind that stores it in its own commit. */
  readonly logEntry: (status: number) => InboundRequest;
}

/** A post that was taken. */
export interface Taken {
  /** 201: something new is there; 200: it was replaced or repeated. */
  readonly status: 200 | 201;
  readonly body: JsonObject;
  /** The log entry is stored already. */
  readonly logged: boolean;
}

/** What inbound hooks can feed: one definition each, in the registry of `openTargetKinds`. */
export interface TargetKind {
  readonly kind: InboundTargetKind;
  /** Whether form-encoded bodies make sense: fields are text then. */
  readonly forms: boolean;
  find(tenant: Tenant, targetId: string): Promise<TargetState>;
  /** A refusal is answered, not thrown: `inbound_data`, `gone`, `not_found`, or a fault of the store. */
  apply(post: TargetPost): Promise<Taken | PosthornError>;
  /** Posts that wait to be stored. */
  queued(): number;
}

export type TargetKinds = ReadonlyMap<string, TargetKind>;

export function registerTargetKinds(kinds: readonly TargetKind[]): TargetKinds {
  return new Map(kinds.map((kind) => [kind.kind, kind]));
}
