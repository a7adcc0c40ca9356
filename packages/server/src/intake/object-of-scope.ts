import { parseJson, type JsonObject, type Subject } from '@posthorn/protocol';
import type { Queryable } from '../store/database.ts';
import { readObjects } from '../store/objects.ts';
import type { Tenant } from '../tenancy/tenant.ts';

/** Returns the object of a scope `kind:id`, or null if the product has no such kind or the object isn't stored. */
export async function objectOfScope(
  queryable: Queryable,
  { organization, product }: Tenant,
  scope: string | null,
): Promise<(Subject & { readonly state: JsonObject }) | null> {
  const [, kind = '', id = ''] = /^([^:]+):(.+)$/s.exec(scope ?? '') ?? [];
  if (product.objectKinds.listed.get(kind)?.scoped !== false) return null;
  const [row] = await readObjects(queryable, [{ organizationKey: organization.key, kind, scopeKey: '', id }]);
  return row ? { kind, id, state: parseJson(row.state ?? '{}') as JsonObject } : null;
}
