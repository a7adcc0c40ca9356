import type { InboundTargetKind, JsonObject, PosthornError } from '@posthorn/protocol';
import type { InboundRequest } from '../store/inbound-log.ts';
import type { Tenant } from '../tenancy/tenant.ts';

/** Whether a target exists, and its name. */
export type TargetState =
  | { readonly state: 'found'; readonly name: string }
  | { readonly state: 'deleted'; readonly name: string }
  | { readonly state: 'missing' };

/** A post to a target. */
export interface TargetPost {
  readonly tenant: Tenant;
  readonly targetId: string;
  readonly hookId: string;
  /** The body, parsed; a number that a double cannot hold is an ExactNumber. */
  readonly body: unknown;
  /** Returns the log entry of an accepted post, for a kind that stores it in its own commit. */
  readonly logEntry: (status: number) => InboundRequest;
}

/** The result of an accepted post. */
export interface AcceptedPost {
  /** 201: something was created; 200: everything was replaced or unchanged. */
  readonly status: 200 | 201;
  readonly body: JsonObject;
  /** Whether the log entry is already stored. */
  readonly logged: boolean;
}

/** A kind of target for inbound hooks. `registerTargetKinds` collects them. */
export interface TargetKind {
  readonly kind: InboundTargetKind;
  /** Whether it accepts form-encoded bodies, whose fields are all strings. */
  readonly forms: boolean;
  find(tenant: Tenant, targetId: string): Promise<TargetState>;
  /** Applies a post. Returns errors instead of throwing: `inbound_data`, `gone`, `not_found`, or a database error. */
  apply(post: TargetPost): Promise<AcceptedPost | PosthornError>;
  /** Returns the number of posts that wait to be stored. */
  queued(): number;
}

export type TargetKinds = ReadonlyMap<string, TargetKind>;

export function registerTargetKinds(kinds: readonly TargetKind[]): TargetKinds {
  return new Map(kinds.map((kind) => [kind.kind, kind]));
}
