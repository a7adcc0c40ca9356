import type { ProductDefinition } from '@posthorn/protocol';
import type { AnyProduct } from '../define-product.ts';
import { apiKeysAt, type ApiKeys } from './api-keys.ts';
import { organizationAt, type OrganizationClient } from './organization.ts';
import type { NewOrganization, Organization, OrganizationChange, Page, PageQuery } from './resources.ts';
import { createTransport, type CallOptions, type ClientOptions, type PostOptions, type Transport } from './transport.ts';

/** Organizations. Only a root key can create, list, update or delete them. */
export interface Organizations {
  create(input: NewOrganization, options?: PostOptions): Promise<Organization>;
  list(query?: PageQuery, options?: CallOptions): Promise<Page<Organization>>;
  get(id: string, options?: CallOptions): Promise<Organization>;
  update(id: string, change: OrganizationChange, options?: CallOptions): Promise<Organization>;
  /** Deletes its webhooks too. */
  delete(id: string, options?: CallOptions): Promise<void>;
}

/** The API of a Posthorn server. */
export interface Client<Product extends AnyProduct = ProductDefinition> {
  readonly organizations: Organizations;
  /** Root keys. */
  readonly apiKeys: ApiKeys;
  /** Returns a client for one organization, by its id. Sends no request. */
  organization(id: string): OrganizationClient<Product>;
}

/**
 * Creates a client, typed by a product's definition. Retries after broken connections, 429, 502, 503 and 504, and
 * respects `Retry-After`. Every POST has an `Idempotency-Key`, so it is made only once. PATCH, DELETE and changes of a
 * named version are retried only if the server says that it has done nothing. Throws RangeError for invalid options.
 *
 * @example
 * const client = createClient<typeof shop>({ url: 'http://127.0.0.1:8030', key: process.env.POSTHORN_KEY });
 * await client.organization('acme').emit('order-paid', { id: '42' });
 */
export function createClient<Product extends AnyProduct = ProductDefinition>(options: ClientOptions): Client<Product> {
  const transport = createTransport(options);
  return {
    organizations: organizationsOf(transport),
    apiKeys: apiKeysAt(transport, []),
    organization: (id) => organizationAt<Product>(transport, id),
  };
}

function organizationsOf(transport: Transport): Organizations {
  const path = ['organizations'];
  return {
    create: (input, options) => transport.post(path, input, options),
    list: (query, options) => transport.get(path, query, options),
    get: (id, options) => transport.get([...path, id], undefined, options),
    update: (id, change, options) => transport.patch([...path, id], change, options),
    delete: (id, options) => transport.delete([...path, id], options),
  };
}
