import type { JsonObject, PosthornError } from '@posthorn/protocol';
import type { ObjectKind } from '../../catalog/object-kind.ts';
import type { Tenant } from '../../tenancy/tenant.ts';

/** A requested change of an object's state. */
export type ObjectAction =
  /** `text`: the state as JSON, if it was serialized already. */
  | { readonly kind: 'put'; readonly state: JsonObject; readonly text?: string }
  | { readonly kind: 'patch'; readonly patch: JsonObject }
  | { readonly kind: 'delete' };

/** A change of one object. A `put` state has been checked against its schema. */
export interface ObjectRequest {
  readonly tenant: Tenant;
  readonly kind: ObjectKind;
  readonly id: string;
  /** undefined: unchanged. */
  readonly scope: string | null | undefined;
  readonly action: ObjectAction;
  readonly sender: JsonObject | null;
  /** The version that the object must have; 'none': it must not exist; 'some': it must exist; null: any. */
  readonly expected: number | 'none' | 'some' | null;
}

/** A stored object. */
export interface StoredObject {
  readonly kind: string;
  readonly id: string;
  readonly scope: string | null;
  readonly state: JsonObject;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ObjectOutcome {
  /** The object after the change; for a deletion, its last state. */
  readonly object: StoredObject;
  readonly created: boolean;
  readonly events: readonly { readonly id: string; readonly type: string }[];
}

/** The error of a group: one rejected request rejects all of them. */
export interface RefusedGroup {
  readonly error: PosthornError;
  /** The index of the rejected request. */
  readonly index: number;
}
