import type { ApiKey, MadeApiKey, NewApiKey, Page, PageQuery } from './resources.ts';
import type { CallOptions, PostOptions, Transport } from './transport.ts';

/** API keys of one organization, or root keys. */
export interface ApiKeys {
  /** Only this response contains the key. */
  create(input: NewApiKey, options?: PostOptions): Promise<MadeApiKey>;
  list(query?: PageQuery, options?: CallOptions): Promise<Page<ApiKey>>;
  /** Takes effect at once. */
  revoke(id: string, options?: CallOptions): Promise<void>;
}

export function apiKeysAt(transport: Transport, place: readonly string[]): ApiKeys {
  const path = [...place, 'api-keys'];
  return {
    create: (input, options) => transport.post(path, input, options),
    list: (query, options) => transport.get(path, query, options),
    revoke: (id, options) => transport.delete([...path, id], options),
  };
}
