import type { Sender } from '@posthorn/protocol';
import type { Database } from '../store/database.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { ShownWebhook } from '../tenancy/resolve-webhook.ts';
import type { DirectedResult, Intake } from './emit.ts';
import { objectOfScope } from './object-of-scope.ts';

export interface PingInput {
  /** Further pings with the same id are not sent again. */
  readonly id?: string | undefined;
  /** The person who requested it. */
  readonly sender: Sender | null;
}

/** Sends the product's ping event to a webhook. */
export class Pings {
  readonly #intake: Intake;
  readonly #database: Database;

  constructor({ intake, database }: { intake: Intake; database: Database }) {
    this.#intake = intake;
    this.#database = database;
  }

  /** Stores the ping and hands it to delivery. Throws the errors of `Intake.emitTo`. */
  async send(tenant: Tenant, webhook: ShownWebhook, { id, sender }: PingInput): Promise<DirectedResult> {
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
      about: await objectOfScope(this.#database, tenant, webhook.scope),
      sender,
    });
    return this.#intake.emitTo(tenant, webhook, { id, type: product.ping.type, data, test: true, sender });
  }
}
