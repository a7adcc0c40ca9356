import type { FieldError, JsonObject } from '@posthorn/protocol';
import type { RefusedGroup } from '../intake/objects/object-request.ts';
import type { Objects } from '../intake/objects/objects.ts';
import type { Queryable } from '../store/database.ts';
import { objectIsThere } from '../store/objects.ts';
import type { Tenant } from '../tenancy/tenant.ts';

/** An object's state from an inbound hook. */
export interface InboundObject {
  readonly kind: string;
  readonly id: string;
  readonly scope: string | null;
  readonly state: JsonObject;
}

/** The object operations that inbound targets need. */
export class InboundObjects {
  readonly #database: Queryable;
  readonly #objects: Objects;

  constructor({ database, objects }: { database: Queryable; objects: Objects }) {
    this.#database = database;
    this.#objects = objects;
  }

  /** The number of changes that wait to be stored. */
  get queued(): number {
    return this.#objects.queued;
  }

  hasKind({ product }: Tenant, kind: string): boolean {
    return product.objectKinds.find(kind) !== undefined;
  }

  /** Finds an object of a kind without scope. */
  async find({ organization }: Tenant, { kind, id }: { kind: string; id: string }): Promise<'found' | 'deleted' | 'missing'> {
    const there = await objectIsThere(this.#database, { organizationKey: organization.key, kind, scopeKey: '', id });
    if (there === null) return 'missing';
    return there ? 'found' : 'deleted';
  }

  /** Returns the state's errors. Paths are relative to the state. */
  async check({ product }: Tenant, { kind, state }: InboundObject): Promise<readonly FieldError[]> {
    return (await product.objectKinds.find(kind)?.check(state)) ?? [];
  }

  /** Stores all of the checked states or none. Returns the number of new objects. */
  async upsert(tenant: Tenant, objects: readonly InboundObject[]): Promise<{ readonly created: number } | RefusedGroup> {
    const inputs = objects.map(({ kind, id, scope, state }) => ({
      kind,
      id,
      action: { kind: 'put', state } as const,
      ...(scope === null ? {} : { scope }),
    }));
    const outcome = await this.#objects.applyGroup(tenant, inputs);
    return 'error' in outcome ? outcome : { created: outcome.filter(({ created }) => created).length };
  }
}
