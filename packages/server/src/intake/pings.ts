import type { JsonObject, PingContext, Sender } from '@posthorn/protocol';
import type { Database } from '../store/database.ts';
import { readObjects } from '../store/objects.ts';
import type { Tenant } from '../tenancy/directory.ts';
import type { ShownWebhook } from '../tenancy/resolve-webhook.ts';
import type { DirectedResult, Intake } from './emit.ts';

/** Sends a webhook the ping of its product. */
export class Pings {
  readonly #intake: Intake;
  readonly #database: Database;

  constructor({ intake, database }: { intake: Intake; database: Database }) {
    this.#intake = intake;
    this.#database = database;
  }

  /** Stores the ping and hands it to delivery. Throws as `Intake.emitTo`. */
  async send(tenant: Tenant, webhook: ShownWebhook, sender: Sender | null): Promise<DirectedResult> {
    const { organization, product } = tenant;
    const data = product.ping.data({
      webhook: {
        id: webhook.id,
        url: webhook.url,
        description: webhook.description,
        events: webhook.events,
        contentType: webhook.contentType,
        active: webhook.status === 'active',
        hasSecret: webhook.hasSecret,
      },
      organization: { id: organization.id, name: organization.name },
      scope: webhook.scope,
      about: await this.#about(tenant, webhook.scope),
      sender,
    });
    return this.#intake.emitTo(tenant, webhook, { type: product.ping.type, data, test: true, sender });
  }

  async #about({ organization, product }: Tenant, scope: string | null): Promise<PingContext['about']> {
    const [, kind = '', id = ''] = /^([^:]+):(.+)$/s.exec(scope ?? '') ?? [];
    if (product.objectKinds.listed.get(kind)?.scoped !== false) return null;
    const [row] = await readObjects(this.#database, [{ organizationKey: organization.key, kind, scopeKey: '', id }]);
    return row ? { kind, id, state: JSON.parse(row.state ?? '{}') as JsonObject } : null;
  }
}
