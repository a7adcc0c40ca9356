import { PosthornError, type JsonObject } from '@posthorn/protocol';
import type { ObjectKind } from '../../catalog/object-kind.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { EventCommitOptions } from '../event-commit.ts';
import { newTicket, type RequestTicket } from '../../batching/request-ticket.ts';
import type { AdmissionQueue } from '../admission-queue.ts';
import { ObjectWriter } from './object-writer.ts';
import { unfitState } from './object-batch.ts';
import type { ObjectAction, ObjectOutcome, ObjectRequest, RefusedGroup } from './object-request.ts';

/** A change of an object, as the caller requests it. */
export interface ObjectChangeInput {
  readonly kind: string;
  readonly id: string;
  /** Required if the scope is part of the object's identity. undefined: unchanged. */
  readonly scope?: string | null | undefined;
  readonly action: ObjectAction;
  readonly sender?: JsonObject | undefined;
  /** The version that the object must have; 'none': it must not exist; 'some': it must exist. Default: any. */
  readonly expected?: number | 'none' | 'some' | undefined;
}

/** Accepts object states: checks them, compares them with the last state, and stores them with the resulting events. */
export class Objects {
  readonly #writer: ObjectWriter;

  constructor(options: EventCommitOptions) {
    this.#writer = new ObjectWriter(options);
  }

  /** The number of changes that wait to be stored. */
  get queued(): number {
    return this.#writer.queued;
  }

  /** Admits requests with states before they are parsed. */
  get admission(): AdmissionQueue {
    return this.#writer.admission;
  }

  /**
   * Changes an object. Resolves when the change is committed.
   * Throws `unknown_object_kind`, `invalid_request`, `invalid_state`, `not_found`, `version_mismatch`, `overloaded`,
   * `unavailable`.
   */
  async apply(tenant: Tenant, input: ObjectChangeInput, ticket?: RequestTicket): Promise<ObjectOutcome> {
    const outcome = await this.#one(tenant, input, ticket);
    if (outcome instanceof PosthornError) throw outcome;
    return outcome;
  }

  /** Applies each change, in order per object. A rejected change doesn't affect the others. */
  async applyMany(tenant: Tenant, inputs: readonly ObjectChangeInput[], ticket = newTicket()): Promise<(ObjectOutcome | PosthornError)[]> {
    return Promise.all(inputs.map((input) => this.#one(tenant, input, ticket)));
  }

  /** Changes all of the objects in one transaction, or none of them if one change is rejected. */
  async applyGroup(tenant: Tenant, inputs: readonly ObjectChangeInput[]): Promise<readonly ObjectOutcome[] | RefusedGroup> {
    const requests: ObjectRequest[] = [];
    for (const [index, input] of inputs.entries()) {
      const request = await this.#check(tenant, input);
      if (request instanceof PosthornError) return { error: request, index };
      requests.push(request);
    }
    const weight = requests.reduce((sum, { action }) => sum + weightOf(action), 0);
    return this.#writer.addGroup(requests, weight);
  }

  /** Resolves when every received change is stored or rejected. */
  drained(): Promise<void> {
    return this.#writer.drained();
  }

  async #one(tenant: Tenant, input: ObjectChangeInput, ticket?: RequestTicket): Promise<ObjectOutcome | PosthornError> {
    const checked = this.#check(tenant, input);
    // Awaits only promises: a needless await could reorder changes that arrive together.
    const request = checked instanceof Promise ? await checked : checked;
    return request instanceof PosthornError ? request : this.#writer.add(request, weightOf(request.action), ticket);
  }

  #check(tenant: Tenant, input: ObjectChangeInput): ObjectRequest | PosthornError | Promise<ObjectRequest | PosthornError> {
    const kind = tenant.product.objectKinds.find(input.kind);
    if (!kind) return unknownKind(tenant, input.kind);
    const { id, scope } = input;
    const action = withText(input.action);
    if (kind.scoped && (scope === undefined || scope === null)) return missingScope(kind);
    const request: ObjectRequest = { tenant, kind, id, scope, action, sender: input.sender ?? null, expected: input.expected ?? null };
    if (action.kind !== 'put') return request;
    const errors = kind.check(action.state);
    if (errors instanceof Promise) return errors.then((found) => (found.length > 0 ? unfitState(kind, found) : request));
    return errors.length > 0 ? unfitState(kind, errors) : request;
  }
}

/** Serializes the state once, for its weight and for storing. */
function withText(action: ObjectAction): ObjectAction {
  return action.kind === 'put' && action.text === undefined ? { ...action, text: JSON.stringify(action.state) } : action;
}

function weightOf(action: ObjectAction): number {
  switch (action.kind) {
    case 'put':
      return action.text?.length ?? 0;
    case 'patch':
      return JSON.stringify(action.patch).length;
    case 'delete':
      return 0;
  }
}

/** Returns the error of an object kind that the organization's product doesn't define. */
export function unknownKind({ product }: Tenant, kind: string): PosthornError {
  const known = [...product.objectKinds.listed.keys()];
  const message = known.length > 0 ? `must be one of ${known.join(', ')}` : `is unknown: the product ${product.name} has no object kinds`;
  return new PosthornError('unknown_object_kind', `The product ${product.name} has no object kind "${kind.slice(0, 100)}".`, {
    errors: [{ path: '/kind', rule: 'known', message }],
  });
}

/** Returns the error of a missing scope for an object of a scoped kind. */
export function missingScope(kind: ObjectKind): PosthornError {
  return new PosthornError('invalid_request', `The scope is missing. A ${kind.name} is identified by id and scope.`, {
    errors: [{ path: '/scope', rule: 'required', message: `is required: it is part of the identity of a ${kind.name}` }],
  });
}
