import type { FieldError, JsonObject } from '@posthorn/protocol';
import type { RefusedGroup } from '../intake/objects/object-batch.ts';
import type { Objects } from '../intake/objects/objects.ts';
import type { Queryable } from '../store/database.ts';
import { objectIsThere } from '../store/objects.ts';
import type { Tenant } from '../tenancy/directory.ts';

/** An object's state on its way in through an inbound hook. */
export interface InboundObject {
  readonly kind: string;
  readonly id: string;
  readonly scope: string | null;
  readonly state: JsonObject;
}

/** What inbound targets need of objects. */
export class InboundObjects {
  readonly #database: Queryable;
  readonly #objects: Objects;

  constructor({ database, objects }: { database: Queryable; objects: Objects }) {
    this.#database = database;
    this.#objects = objects;
  }

  /** Changes that wait to be stored. */
  get queued(): number {
    return this.#objects.queued;
  }

  hasKind({ product }: Tenant, kind: string): boolean {
    return product.objectKinds.find(kind) !== undefined;
  }

  /** Of a kind that is not scoped. */
  async find({ organization }: Tenant, { kind, id }: { kind: string; id: string }): Promise<'found' | 'deleted' | 'missing'> {
    const there = await objectIsThere(this.#database, { organizationKey: organization.key, kind, scopeKey: '', id });
    if (there === null) return 'missing';
    return there ? 'found' : 'deleted';
  }

  /** What is wrong with the state; empty: nothing. Paths are within the state. */
  async check({ product }: Tenant, { kind, state }: InboundObject): Promise<readonly FieldError[]> {
    return (await product.objectKinds.find(kind)?.check(state)) ?? [];
  }

  /** Stores all of the states, which were checked, or none of them. Returns how many objects were new. */
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
