import { parseJson, PosthornError, type JsonObject } from '@posthorn/protocol';
import type { ObjectKind } from '../../catalog/object-kind.ts';
import type { Queryable } from '../../store/database.ts';
import { listObjects, readObjects, type ObjectRow } from '../../store/objects.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { nameOf } from './object-batch.ts';
import type { StoredObject } from './object-request.ts';
import { missingScope, unknownKind } from './objects.ts';

/** Where a list of objects continues: behind this scope and id. */
export interface ObjectPosition {
  readonly scopeKey: string;
  readonly id: string;
}

/** An object of a list, with its place in the list. */
export type ListedObject = StoredObject & { readonly position: ObjectPosition };

/** Finds and lists objects. Each method throws `unknown_object_kind` for a kind that the product doesn't have. */
export class ObjectReader {
  readonly #database: Queryable;

  constructor(database: Queryable) {
    this.#database = database;
  }

  /** Throws `not_found`, and `invalid_request` without a scope if the kind needs one. */
  async get(tenant: Tenant, { kind: name, id, scope }: { kind: string; id: string; scope?: string | undefined }): Promise<StoredObject> {
    const kind = kindOf(tenant, name);
    if (kind.scoped && scope === undefined) throw missingScope(kind);
    const [row] = await readObjects(this.#database, [nameOf({ tenant, kind, id, scope })]);
    if (!row) throw new PosthornError('not_found', `There is no ${kind.name} ${JSON.stringify(id)} in this organization.`);
    return storedObject(row);
  }

  /** By scope and id, behind `after`. `stoppedAt`: the search ended there before the page was full; null: it did not. */
  async list(
    tenant: Tenant,
    {
      kind: name,
      ...query
    }: { readonly kind: string; readonly after: ObjectPosition; readonly scope: string | null; readonly limit: number },
  ): Promise<{ rows: ListedObject[]; stoppedAt: Pick<ListedObject, 'position'> | null }> {
    const { name: kind, scoped } = kindOf(tenant, name);
    const { rows, stoppedAt } = await listObjects(this.#database, { organizationKey: tenant.organization.key, kind, scoped, ...query });
    return {
      rows: rows.map((row) => ({ ...storedObject(row), position: positionOf(row) })),
      stoppedAt: stoppedAt && { position: positionOf(stoppedAt) },
    };
  }
}

function kindOf(tenant: Tenant, name: string): ObjectKind {
  const kind = tenant.product.objectKinds.find(name);
  if (!kind) throw unknownKind(tenant, name);
  return kind;
}

function positionOf({ scope_key: scopeKey, id }: Pick<ObjectRow, 'scope_key' | 'id'>): ObjectPosition {
  return { scopeKey, id };
}

function storedObject(row: ObjectRow): StoredObject {
  const { kind, id, scope, state, version, created_at: createdAt, updated_at: updatedAt } = row;
  return { kind, id, scope, state: parseJson(state ?? '{}') as JsonObject, version, createdAt, updatedAt };
}
