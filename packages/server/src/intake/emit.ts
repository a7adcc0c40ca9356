import { PosthornError, type JsonObject, type Subject } from '@posthorn/protocol';
import type { Database } from '../store/database.ts';
import { deliveryId } from '../store/delivery-id.ts';
import { newId } from '../store/uuid-time.ts';
import type { Tenant } from '../tenancy/directory.ts';
import type { ResolvedWebhook } from '../tenancy/resolve-webhook.ts';
import { AcceptWriter } from './accept-writer.ts';
import type { LogOwner } from './log-owner.ts';
import { renderEvent, type RenderedEvent } from './prepare-event.ts';

/** An event as a caller gives it. */
export interface EmitInput {
  readonly type: string;
  readonly data: JsonObject;
  readonly scope?: string | undefined;
  readonly subject?: Subject | undefined;
  /** The caller's own id: the first event with it is the only one. */
  readonly id?: string | undefined;
  readonly sender?: JsonObject | undefined;
}

export interface EmitResult {
  readonly id: string;
  /** How many webhooks it goes to. */
  readonly deliveries: number;
}

/** An event for one webhook. */
export interface DirectedResult extends EmitResult {
  readonly deliveryId: string;
}

export interface DirectedInput {
  readonly type: string;
  readonly data: JsonObject;
  readonly test: boolean;
  readonly sender: JsonObject | null;
}

export interface IntakeOptions {
  readonly database: Database;
  readonly owner: LogOwner;
  readonly now: () => number;
  /** Reads the organization anew, past every cache; null: it is gone. */
  readonly reload: (organizationKey: number) => Promise<Tenant | null>;
  /** Events that may wait to be stored; past it callers are turned away. */
  readonly maxQueued?: number;
}

/** An organization whose webhooks change faster than an event can be matched is not waited for longer than this. */
const MATCH_TRIES = 8;
const DEFAULT_MAX_QUEUED = 20_000;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** Everything that ends in an event comes through here: checked, rendered, matched, stored in one commit. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #writer: AcceptWriter;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { database, owner, now } = options;
    this.#writer = new AcceptWriter({ database, owner, now });
  }

  /** Events that wait to be stored. */
  get queued(): number {
    return this.#writer.queued;
  }

  /**
   * Stores an event and hands it to delivery. The answer means: committed.
   * Throws `unknown_event_type`, `invalid_data`, `organization_not_found`, `overloaded`.
   */
  async emit(tenant: Tenant, input: EmitInput): Promise<EmitResult> {
    this.#admit(1);
    const type = tenant.product.eventType(input.type);
    if (!type) throw unknownType(tenant, input.type);
    const checked = type.check(input.data);
    const errors = checked instanceof Promise ? await checked : checked;
    if (errors.length > 0) {
      throw new PosthornError('invalid_data', `The data is not a valid ${type.name}.`, {
        errors: errors.map((error) => ({ ...error, path: `/data${error.path}` })),
      });
    }
    const rendered = this.#render(tenant, { ...withContext(tenant, input), type: type.name }, { test: false });
    return this.#store(tenant, rendered, (current) => current.match(type.name, rendered.scope).map((webhook) => webhook.id));
  }

  /** As `emit` for each; one that is refused does not hinder the others. */
  async emitBatch(tenant: Tenant, inputs: readonly EmitInput[]): Promise<(EmitResult | PosthornError)[]> {
    this.#admit(inputs.length);
    return Promise.all(
      inputs.map((input) =>
        this.emit(tenant, input).catch((error: unknown) => {
          if (error instanceof PosthornError) return error;
          throw error;
        }),
      ),
    );
  }

  /** Sends an event to one webhook alone, whatever it subscribes to: pings and test sends. */
  async emitTo(tenant: Tenant, webhook: ResolvedWebhook, input: DirectedInput): Promise<DirectedResult> {
    this.#admit(1);
    const { type, data, test, sender } = input;
    const rendered = this.#render(tenant, { type, data, scope: webhook.scope ?? undefined, sender: sender ?? undefined }, { test });
    const stored = await this.#store(tenant, rendered, () => [webhook.id]);
    return { ...stored, deliveryId: deliveryId(rendered.id, webhook.id) };
  }

  /** Answers when everything taken in is stored or refused. */
  drained(): Promise<void> {
    return this.#writer.drained();
  }

  #admit(count: number): void {
    const limit = this.#options.maxQueued ?? DEFAULT_MAX_QUEUED;
    const { queued, queuedBytes } = this.#writer;
    if (queued === 0 || (queued + count <= limit && queuedBytes <= MAX_QUEUED_BYTES)) return;
    throw new PosthornError('overloaded', 'More events are waiting to be stored than the server takes on.', { retryAfterSeconds: 1 });
  }

  #render(tenant: Tenant, input: EmitInput, { test }: { test: boolean }): RenderedEvent {
    const now = this.#options.now();
    return renderEvent(tenant, {
      id: newId(now),
      time: new Date(now),
      type: input.type,
      data: input.data,
      scope: input.scope ?? null,
      subject: input.subject ?? null,
      externalId: input.id ?? null,
      sender: input.sender ?? null,
      test,
    });
  }

  async #store(tenant: Tenant, rendered: RenderedEvent, match: (tenant: Tenant) => string[]): Promise<EmitResult> {
    let current = tenant;
    for (let tries = 0; tries < MATCH_TRIES; tries++) {
      const webhookIds = match(current);
      const outcome = await this.#writer.add({ ...rendered, organizationVersion: current.version, webhookIds, claimedBy: null });
      if (outcome instanceof PosthornError) throw outcome;
      if (outcome !== 'stale') return outcome;
      const reloaded = await this.#options.reload(rendered.organizationKey);
      if (!reloaded) throw new PosthornError('organization_not_found', 'The organization was deleted.');
      current = reloaded;
    }
    throw new PosthornError('overloaded', 'The organization’s webhooks keep changing.', { retryAfterSeconds: 1 });
  }
}

/** What the caller leaves open, the product may say. */
function withContext({ product }: Tenant, input: EmitInput): EmitInput {
  if (input.scope !== undefined && input.subject !== undefined) return input;
  const { scope, subject } = product.context(input.type, input.data);
  return { ...input, scope: input.scope ?? scope ?? undefined, subject: input.subject ?? subject ?? undefined };
}

function unknownType(tenant: Tenant, type: string): PosthornError {
  const known = [...tenant.product.eventTypes.keys()];
  return new PosthornError('unknown_event_type', `The product ${tenant.product.name} has no event type "${type.slice(0, 100)}".`, {
    errors: [{ path: '/type', rule: 'known', message: `must be one of ${known.slice(0, 50).join(', ')}` }],
  });
}
