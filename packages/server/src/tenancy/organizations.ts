import { PosthornError } from '@posthorn/protocol';
import type { Catalog } from '../catalog/catalog.ts';
import { checkTimeZone } from '../catalog/time-zone.ts';
import { newId } from '../ids/uuid-time.ts';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import {
  deleteOrganization,
  insertOrganization,
  listOrganizations,
  updateOrganization,
  type OrganizationChange,
} from '../store/organizations.ts';
import type { Directory } from './directory.ts';
import { organizationOf, type Organization } from './model.ts';
import type { Tenant } from './tenant.ts';

export interface OrganizationsOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly directory: Directory;
  readonly catalog: Catalog;
  /** Called with the organization after its time zone has changed: its daily digests run at another moment. */
  readonly onTimeZoneChanged: (tenant: Tenant) => Promise<void>;
}

export interface OrganizationInput {
  /** Default: an id that the server makes. */
  readonly id?: string | undefined;
  readonly name: string;
  /** Default: `generic`. */
  readonly product?: string | undefined;
  readonly timeZone?: string | null | undefined;
  readonly inbound?: boolean | undefined;
  readonly contactEmail?: string | null | undefined;
}

/** Organizations as a product's operator manages them. */
export class Organizations {
  readonly #options: OrganizationsOptions;

  constructor(options: OrganizationsOptions) {
    this.#options = options;
  }

  /** Throws `invalid_request` for an unknown product or time zone, and `conflict` if the id is taken. */
  async create(input: OrganizationInput, also: AlsoCommit<Organization> = nothingMore): Promise<Organization> {
    const { catalog, database } = this.#options;
    const { id = newId(), name, product = 'generic', inbound = false, timeZone = null, contactEmail = null } = input;
    if (!catalog.product(product)) throw unknownProduct(catalog, product);
    if (timeZone !== null) checkTimeZone(timeZone);
    return database.transaction(async (transaction) => {
      const row = await insertOrganization(transaction, { id, name, product, inbound, timeZone, contactEmail });
      if (!row) throw new PosthornError('conflict', `An organization ${JSON.stringify(id)} exists already. Choose another id.`);
      const organization = organizationOf(row);
      await also(transaction, organization);
      return organization;
    });
  }

  /** Newest first, below the key `before`. */
  async list(query: { readonly before: number; readonly limit: number }): Promise<Organization[]> {
    return (await listOrganizations(this.#options.reads, query)).map((row) => organizationOf(row));
  }

  /** Throws `invalid_request` for an unknown time zone, and `organization_not_found` if it was deleted meanwhile. */
  async update(key: number, change: OrganizationChange): Promise<Organization> {
    const { database, directory, onTimeZoneChanged } = this.#options;
    const { timeZone } = change;
    if (timeZone !== undefined && timeZone !== null) checkTimeZone(timeZone);
    const row = await updateOrganization(database, key, change);
    directory.invalidate(key);
    if (!row) throw new PosthornError('organization_not_found', 'The organization was deleted while it was being updated.');
    const changed = timeZone === undefined ? null : await directory.reload(key);
    if (changed) await onTimeZoneChanged(changed);
    return organizationOf(row);
  }

  /** Deletes it with its webhooks. */
  async delete(key: number): Promise<void> {
    await deleteOrganization(this.#options.database, key);
    this.#options.directory.invalidate(key);
  }
}

function unknownProduct(catalog: Catalog, product: string): PosthornError {
  const known = catalog.products().map(({ name }) => name);
  return new PosthornError('invalid_request', `There is no product ${JSON.stringify(product.slice(0, 100))}.`, {
    errors: [{ path: '/product', rule: 'known', message: `must be one of ${known.join(', ')}` }],
  });
}
