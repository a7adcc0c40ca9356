import { PosthornError } from '@posthorn/protocol';
import { cancel, redeliver } from '../../src/deliveries/redeliver.ts';
import { hasOrdered } from '../../src/intake/prepare-event.ts';
import type { NewEvent } from '../../src/store/event-log.ts';
import { shardOf } from '../../src/ids/shard.ts';
import type { Tenant } from '../../src/tenancy/tenant.ts';
import type { DeliveryHistory, EmittedEvent } from './history.ts';
import type { RunningNode } from './node.ts';
import type { Webhook, World } from './world.ts';

const TYPE = 'thing.happened';
/** Webhooks that change faster than an event can be matched. */
const MATCH_TRIES = 8;

/** Emits an event through a node and waits for the response, as the HTTP route does. */
export async function emit(world: World, node: RunningNode, about: { organizationKey: number; subject: string | null }): Promise<void> {
  const { organizationKey, subject } = about;
  const id = node.newEventId();
  const emitted: EmittedEvent = { id, organizationKey, subject, webhookIds: [], answer: 'none' };
  world.history.events.set(id, emitted);
  world.trace(`emit ${id} of organization ${organizationKey} about ${subject} at ${node.process.name}`);
  try {
    const isStored = await world.in(node, () => append(node, emitted));
    emitted.answer = isStored ? 'accepted' : 'none';
  } catch (error) {
    emitted.answer = 'unknown';
    world.trace(`emit ${id} fails: ${String(error)}`);
    return;
  }
  world.trace(`emit ${id} is answered: ${emitted.answer}`);
}

async function append(node: RunningNode, emitted: EmittedEvent): Promise<boolean> {
  let tenant = await node.directory.findByKey(emitted.organizationKey);
  for (let tries = 0; tenant && tries < MATCH_TRIES; tries++) {
    const outcome = await node.writer.add(eventOf(emitted, tenant));
    if (outcome instanceof PosthornError) throw outcome;
    if (outcome !== 'stale') return true;
    tenant = await node.directory.reload(emitted.organizationKey);
  }
  return false;
}

function eventOf(emitted: EmittedEvent, tenant: Tenant): NewEvent {
  const { id, organizationKey, subject } = emitted;
  emitted.webhookIds = tenant.match(TYPE, null).map((webhook) => webhook.id);
  return {
    organizationKey,
    organizationVersion: tenant.version,
    id,
    shard: shardOf(organizationKey),
    claimedBy: null,
    type: TYPE,
    scope: null,
    subjectKind: subject === null ? null : 'thing',
    subjectId: subject,
    externalId: null,
    test: false,
    sender: null,
    data: null,
    dataStart: 0,
    dataLength: id.length,
    body: Buffer.from(id),
    webhookIds: emitted.webhookIds,
    ordered: subject !== null && hasOrdered(tenant, emitted.webhookIds),
  };
}

/** Cancels a delivery through a node. */
export async function cancelDelivery(world: World, node: RunningNode, delivery: DeliveryHistory): Promise<void> {
  delivery.cancelAskedAt = world.time.now;
  world.trace(`cancel ${delivery.id} at ${node.process.name}`);
  const { id } = delivery;
  const outcome = await attempt(world, node, async () => {
    const tenant = await tenantOf(world, node, delivery);
    node.engine.cancelled(id, await cancel(node.database, { tenant, id }));
    delivery.notified.add(node.process);
  });
  // Refused: it has already ended. Unknown: it may or may not be cancelled.
  if (outcome === 'done') delivery.cancelledAt = world.time.now;
  if (outcome === 'refused') delivery.cancelAskedAt = null;
  world.trace(`cancel ${delivery.id}: ${outcome}`);
}

/** Requests a redelivery. */
export async function redeliverDelivery(world: World, node: RunningNode, delivery: DeliveryHistory): Promise<void> {
  delivery.redeliveredAt = Number.POSITIVE_INFINITY;
  delivery.cancelledAt = null;
  world.trace(`redeliver ${delivery.id} at ${node.process.name}`);
  const outcome = await attempt(world, node, async () =>
    redeliver(node.database, { tenant: await tenantOf(world, node, delivery), id: delivery.id, now: new Date(node.now()) }),
  );
  if (outcome !== 'unknown') delivery.redeliveredAt = world.time.now;
  world.trace(`redeliver ${delivery.id}: ${outcome}`);
}

/** Pauses or enables a webhook. Returns whether that succeeded. */
export async function setWebhookStatus(
  world: World,
  node: RunningNode,
  change: { webhook: Webhook; status: 'active' | 'paused' },
): Promise<boolean> {
  const { webhook, status } = change;
  const outcome = await attempt(world, node, async () => {
    const tenant = await node.directory.findByKey(webhook.organizationKey);
    if (!tenant) throw new Error('The organization is gone.');
    return status === 'active' ? node.webhooks.enable(tenant, webhook.id) : node.webhooks.pause(tenant, webhook.id);
  });
  world.trace(`webhook ${webhook.id} to be ${status} at ${node.process.name}: ${outcome}`);
  return outcome === 'done';
}

async function attempt(world: World, node: RunningNode, run: () => Promise<unknown>): Promise<'done' | 'refused' | 'unknown'> {
  try {
    await world.in(node, run);
    return 'done';
  } catch (error) {
    return error instanceof PosthornError ? 'refused' : 'unknown';
  }
}

async function tenantOf(world: World, node: RunningNode, { eventId }: DeliveryHistory): Promise<Tenant> {
  const tenant = await node.directory.findByKey(world.history.events.get(eventId)?.organizationKey ?? 0);
  if (!tenant) throw new Error('The organization is gone.');
  return tenant;
}
