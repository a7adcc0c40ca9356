import type { ProductDefinition } from '@posthorn/protocol';
import type { AnyProduct } from '../define-product.ts';
import { apiKeysAt, type ApiKeys } from './api-keys.ts';
import { organizationAt, type OrganizationClient } from './organization.ts';
import type { NewOrganization, Organization, OrganizationChange, Page, PageQuery } from './resources.ts';
import { createTransport, type CallOptions, type ClientOptions, type PostOptions, type Transport } from './transport.ts';

/** Organizations: made, changed and deleted with the root key. */
export interface Organizations {
  create(input: NewOrganization, options?: PostOptions): Promise<Organization>;
  list(query?: PageQuery, options?: CallOptions): Promise<Page<Organization>>;
  get(id: string, options?: CallOptions): Promise<Organization>;
  update(id: string, change: OrganizationChange, options?: CallOptions): Promise<Organization>;
  /** With its webhooks. */
  delete(id: string, options?: CallOptions): Promise<void>;
}

/** The API of a Posthorn server. */
export interface Client<Product extends AnyProduct = ProductDefinition> {
  readonly organizations: Organizations;
  /** Root keys. */
  readonly apiKeys: ApiKeys;
  /** One organization, by its id. Asks the server nothing. */
  organization(id: string): OrganizationClient<Product>;
}

/**
 * A client of a Posthorn server, typed by a product's definition. It repeats a call when the connection breaks and after 429,
 * 502, 503 and 504, waiting as long as `Retry-After` says. Every POST carries an `Idempotency-Key`, so that it is carried out
 * once however often it is sent. A call that could do harm twice (PATCH, DELETE, a change of a named version) is repeated only
 * if the server says that it has done nothing. Throws RangeError if the options cannot work.
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
