import { appendEvents, eventsWithGivenIds, firstAnswers, type NewEvent } from '../../src/store/event-log.ts';
import type { Database } from '../../src/store/database.ts';
import { orderHeads, releaseBehind } from '../../src/store/delivery-order.ts';
import { deliveryId } from '../../src/ids/delivery-id.ts';
import { cancelledDeliveries } from '../../src/store/delivery-queries.ts';
import { lastLogged, readRange, recordedDeliveries } from '../../src/store/log-reading.ts';
import {
  cancelRecorded,
  eventsOfDeliveryTime,
  insertUnsent,
  lockDelivery,
  markQueued,
  queueDeliveries,
} from '../../src/store/redelivery.ts';
import { settleFirst, settleLater, settleSpilled, type Settlement } from '../../src/store/settle.ts';
import { shardOf } from '../../src/ids/shard.ts';
import {
  abandonShards,
  acquireShards,
  heartbeat,
  registerNode,
  releaseShards,
  removeNode,
  renewShards,
  unawareNodes,
} from '../../src/store/shards.ts';
import {
  backlogOf,
  backloggedWebhooks,
  backlogsOfOrganizations,
  dueDeliveries,
  moveToBacklog,
  rescheduleWaiting,
  stillWaiting,
} from '../../src/store/waiting.ts';
import { failWebhook, failingWebhooks, saveWebhookHealth } from '../../src/store/webhook-health.ts';
import { organizationChanged, releaseHeld, setWebhookStatus } from '../../src/store/webhooks.ts';
import type { SeededRandom } from './random.ts';

/** A database under test, with the transaction ids and the continuity token that it returned. */
export interface Tested {
  readonly database: Database;
  /** The transaction ids of the appends, in order. */
  readonly xids: number[];
  readonly continuity: string;
}

/** The same call for each database. Rows are compared in order, unless the statement guarantees none. */
export interface Call {
  readonly name: string;
  readonly isOrdered: boolean;
  readonly run: (tested: Tested) => Promise<unknown>;
}

const HOUR_MS = 3_600_000;
/** Durations of leases that don't expire during the test, or have already expired. */
const LEASES_MS = [HOUR_MS, -HOUR_MS];
const STATUSES = ['delivered', 'failed', 'retrying', 'pending', 'held', 'cancelled'] as const;

/** Makes random calls of the store's functions, with a few organizations, webhooks and events. */
export class RandomCalls {
  readonly #random: SeededRandom;
  readonly #webhooks: readonly { id: string; organizationKey: number }[];
  readonly #startMs: number;
  readonly #events: { id: string; organizationKey: number; webhookIds: readonly string[]; append: number }[] = [];
  readonly #organizations: readonly number[];
  #appends = 0;
  #nodes = 0;

  constructor(random: SeededRandom, input: { webhooks: readonly { id: string; organizationKey: number }[]; startMs: number }) {
    this.#random = random;
    this.#webhooks = input.webhooks;
    this.#startMs = input.startMs;
    this.#organizations = [...new Set(input.webhooks.map(({ organizationKey }) => organizationKey))];
  }

  next(): Call {
    const groups = [
      () => this.#append(),
      () => this.#settle(),
      () => this.#settle(),
      () => this.#shards(),
      () => this.#read(),
      () => this.#wait(),
      () => this.#wait(),
      () => this.#redeliver(),
      () => this.#change(),
    ];
    return this.#random.pick(groups)();
  }

  #append(): Call {
    const organizationKey = this.#webhook().organizationKey;
    const isStale = this.#random.chance(0.1);
    const events = Array.from({ length: this.#random.integer(1, 4) }, () => this.#event(organizationKey));
    const append = this.#appends++;
    if (!isStale) for (const { id, webhookIds } of events) this.#events.push({ id, organizationKey, webhookIds, append });
    return {
      name: 'appendEvents',
      isOrdered: false,
      async run({ database, xids }) {
        const known = await database.query<{ key: number; version: number }>(VERSIONS);
        const organizationVersion = (known.find(({ key }) => key === organizationKey)?.version ?? 0) - (isStale ? 1 : 0);
        const { xid, staleOrganizations, fresh } = await appendEvents(
          database,
          events.map((event) => ({ ...event, organizationVersion })),
        );
        xids.push(xid);
        return [...staleOrganizations, ...[...fresh].sort()];
      },
    };
  }

  #event(organizationKey: number): NewEvent {
    const random = this.#random;
    const subject = random.pick(['one', 'two', null]);
    const body = Buffer.from(`{"n":${random.integer(1, 9_999)}}`);
    return {
      organizationKey,
      organizationVersion: 0,
      id: random.uuid(this.#startMs + random.integer(0, 5)),
      shard: shardOf(organizationKey),
      claimedBy: random.pick([null, 1, 2]),
      type: 'thing.happened',
      scope: null,
      subjectKind: subject && 'thing',
      subjectId: subject,
      externalId: random.chance(0.2) ? `own-${random.next()}` : null,
      test: random.chance(0.1),
      sender: null,
      data: null,
      dataStart: 0,
      dataLength: body.length,
      body,
      webhookIds: this.#webhooks.filter((webhook) => webhook.organizationKey === organizationKey && random.chance(0.8)).map(({ id }) => id),
      ordered: false,
    };
  }

  #settle(): Call {
    const nodeId = this.#nodeId();
    const chosen = this.#someEvents(4).flatMap((event) => event.webhookIds.map((webhookId) => ({ event, webhookId })));
    const plans = chosen.map(({ event, webhookId }) => ({ event, webhookId, ...this.#outcome() }));
    const nowMs = this.#now();
    const kind = this.#random.pick(['first', 'spilled', 'later', 'later'] as const);
    return {
      name: `settle ${kind}`,
      isOrdered: false,
      async run({ database, xids }) {
        const epochs = new Map((await database.query<{ id: number; epoch: number }>(EPOCHS)).map(({ id, epoch }) => [id, epoch]));
        const settlements = plans.map(({ event, webhookId, ...outcome }): Settlement => {
          const shard = shardOf(event.organizationKey);
          const place = { organizationKey: event.organizationKey, shard, epoch: (epochs.get(shard) ?? 0) - (outcome.isLate ? 1 : 0) };
          const delivery = {
            deliveryId: deliveryId(event.id, webhookId),
            webhookId,
            eventId: event.id,
            eventType: 'thing.happened',
            test: false,
          };
          return { ...place, ...delivery, ...outcome, eventXid: xids[event.append] ?? 0, exhausted: false, wasWaiting: false };
        });
        if (kind === 'first') await settleFirst(database, nodeId, settlements);
        else if (kind === 'spilled') await settleSpilled(database, nodeId, settlements);
        else await settleLater(database, { nodeId, nowMs, settlements });
        return [];
      },
    };
  }

  #outcome() {
    const random = this.#random;
    const attemptCount = random.integer(0, 3);
    const reason = random.pick([null, 'retry', 'held', 'backlog', 'behind'] as const);
    return {
      isLate: random.chance(0.1),
      status: reason === 'held' ? ('held' as const) : random.pick(STATUSES),
      attemptCount,
      attempt: attemptCount > 0 && random.chance(0.8) ? '{"number":1}' : null,
      waiting: reason && {
        reason,
        dueAt: reason === 'retry' ? new Date(this.#now()) : ('infinity' as const),
        ...(random.chance(0.5) ? { scheduledAt: new Date(this.#now()) } : {}),
      },
      orderKey: random.pick([null, 'thing:one', 'thing:two']),
    };
  }

  #shards(): Call {
    const random = this.#random;
    const [nodeId, leaseMs] = [this.#nodeId(), random.pick(LEASES_MS)];
    const [known, removed] = [new Set([nodeId, random.integer(1, 3)]), random.chance(0.2) ? nodeId : 99];
    const marks = random.integer(0, Math.max(0, this.#appends - 1));
    const held = async ({ database, xids, continuity }: Tested) => ({
      nodeId,
      leaseMs,
      continuity,
      shards: (await database.query<{ id: number; epoch: number }>(EPOCHS)).map((shard) => ({ ...shard, lowWater: xids[marks] ?? 0 })),
    });
    return random.pick<() => Call>([
      () => {
        this.#nodes++;
        return call('registerNode', ({ database }) => registerNode(database, 'a node'));
      },
      () =>
        call('acquireShards', async ({ database }) =>
          (await acquireShards(database, { nodeId, leaseMs: HOUR_MS, count: 64 })).map(({ id, epoch }) => ({ id, epoch })),
        ),
      () => call('renewShards', async (tested) => [...(await renewShards(tested.database, await held(tested)))]),
      () => call('releaseShards', async (tested) => releaseShards(tested.database, await held(tested))),
      () => call('abandonShards', ({ database }) => abandonShards(database, nodeId)),
      () => call('heartbeat', ({ database }) => heartbeat(database, { nodeId, leaseMs: HOUR_MS, known })),
      () => call('unawareNodes', ({ database }) => unawareNodes(database, { nodeId, leaseMs: HOUR_MS })),
      () => call('removeNode', ({ database }) => removeNode(database, removed)),
    ])();
  }

  #read(): Call {
    const random = this.#random;
    const [from, to] = [random.integer(0, this.#appends), random.integer(0, this.#appends)];
    const afterId = random.chance(0.5) ? (this.#events[0]?.id ?? null) : null;
    const shards = this.#shardIds();
    const notClaimedBy = random.pick([null, 1, 2]);
    const asked = this.#someEvents(5);
    const deliveries = asked.flatMap(({ id, organizationKey, webhookIds }) =>
      webhookIds.map((webhook) => ({ organizationKey, id: deliveryId(id, webhook) })),
    );
    return random.pick<() => Call>([
      () =>
        ordered('readRange', ({ database, xids }) =>
          readRange(database, { from: { xid: xids[from] ?? 0, id: afterId }, to: xids[to] ?? null, shards, notClaimedBy, limit: 10 }),
        ),
      () => call('lastLogged', ({ database, xids }) => lastLogged(database).then((xid) => xids.indexOf(xid))),
      () => call('recordedDeliveries', async ({ database }) => [...(await recordedDeliveries(database, deliveries))]),
      () =>
        call('firstAnswers', ({ database }) =>
          firstAnswers(
            database,
            asked.map(({ organizationKey, id }) => ({ organizationKey, externalId: id })),
          ),
        ),
      () =>
        call('eventsWithGivenIds', ({ database }) =>
          eventsWithGivenIds(
            database,
            asked.map(({ organizationKey, id }) => ({ organizationKey, id })),
          ),
        ),
      () => call('orderHeads', ({ database }) => orderHeads(database, shards)),
      () =>
        call('failingWebhooks', async ({ database }) =>
          (await failingWebhooks(database, shards)).map(({ id, failing_since: since }) => ({ id, since })),
        ),
    ])();
  }

  #wait(): Call {
    const random = this.#random;
    const [shards, now, webhookId] = [this.#shardIds(), new Date(this.#now()), this.#webhook().id];
    const orderKey = random.pick(['thing:one', 'thing:two']);
    const except = this.#someDeliveries(3).map(({ id }) => id);
    const due = { shards, now, except, exceptWebhooks: random.chance(0.2) ? [webhookId] : [], limit: 10 };
    const backlog = { webhookId, after: random.pick([LOWEST_ID, except[0] ?? LOWEST_ID]), except, limit: 10 };
    return random.pick<() => Call>([
      () => ordered('dueDeliveries', ({ database }) => dueDeliveries(database, due)),
      () => ordered('backlogOf', ({ database }) => backlogOf(database, backlog)),
      () => call('backloggedWebhooks', ({ database }) => backloggedWebhooks(database, shards)),
      () => call('backlogsOfOrganizations', ({ database }) => backlogsOfOrganizations(database, this.#organizations)),
      () => call('rescheduleWaiting', ({ database }) => rescheduleWaiting(database, { shards, now })),
      () => call('stillWaiting', async ({ database }) => [...(await stillWaiting(database, except))]),
      () => call('moveToBacklog', ({ database }) => moveToBacklog(database, except)),
      () => call('releaseBehind', ({ database }) => releaseBehind(database, { webhookId, orderKey, now })),
    ])();
  }

  /** Calls about single deliveries. */
  #redeliver(): Call {
    const random = this.#random;
    const { id: webhookId, organizationKey } = this.#webhook();
    const deliveries = this.#someDeliveries(3).filter((one) => one.organizationKey === organizationKey && one.webhookId === webhookId);
    const [now, held] = [new Date(this.#now()), random.chance(0.3)];
    const ids = deliveries.map(({ id }) => id);
    const queued = {
      organizationKey,
      shard: shardOf(organizationKey),
      webhookId,
      deliveries: deliveries.map((one) => ({ ...one, attemptCount: 1 })),
    };
    const due = held ? ({ dueAt: 'infinity', reason: 'held' } as const) : ({ dueAt: '-infinity', reason: 'retry' } as const);
    const unsent = { organizationKey, webhookId, status: random.pick(['pending', 'cancelled', 'held'] as const) };
    const unrecorded = deliveries.map((one) => ({ ...one, eventType: 't' }));
    return random.pick<() => Call>([
      () => this.#cancel(),
      () => this.#cancel(),
      () => call('queueDeliveries', ({ database }) => queueDeliveries(database, { ...queued, ...due })),
      () => call('markQueued', ({ database }) => markQueued(database, { organizationKey, ids, held, nextAttemptAt: held ? null : now })),
      () => call('insertUnsent', async ({ database }) => [...(await insertUnsent(database, { ...unsent, deliveries: unrecorded }))]),
    ])();
  }

  #cancel(): Call {
    const [one] = this.#someDeliveries(1);
    if (!one) return this.#append();
    const { organizationKey, id, eventId } = one;
    return this.#random.pick<() => Call>([
      () => call('lockDelivery', ({ database }) => lockDelivery(database, organizationKey, id)),
      () => call('cancelRecorded', ({ database }) => cancelRecorded(database, organizationKey, id)),
      () => call('cancelledDeliveries', ({ database }) => cancelledDeliveries(database, organizationKey, eventId)),
      () => call('eventsOfDeliveryTime', ({ database }) => eventsOfDeliveryTime(database, organizationKey, id)),
    ])();
  }

  #change(): Call {
    const random = this.#random;
    const { id: webhookId, organizationKey } = this.#webhook();
    const [now, nodeId, version] = [new Date(this.#now()), this.#nodeId(), random.integer(1, 3)];
    const set = { id: webhookId, organizationKey, status: random.pick(['active', 'active', 'paused'] as const), reason: null };
    const times = { since: random.pick([now, null]), missedSince: random.pick([now, null]) };
    const health = { webhookId, shard: shardOf(organizationKey), version, ...times };
    const failing = { organizationKey, webhookId, version, notice: 'webhook.failed', reason: 'x', now, failingSince: times.since } as const;
    return random.pick<() => Call>([
      () => call('setWebhookStatus', async ({ database }) => (await setWebhookStatus(database, set))?.status),
      () => call('releaseHeld', ({ database }) => releaseHeld(database, webhookId)),
      () => call('saveWebhookHealth', ({ database }) => saveWebhookHealth(database, nodeId, [health])),
      () => call('failWebhook', ({ database }) => failWebhook(database, failing)),
      () => call('organizationChanged', ({ database }) => organizationChanged(database, organizationKey)),
    ])();
  }

  #webhook(): { id: string; organizationKey: number } {
    return this.#random.pick(this.#webhooks);
  }

  #nodeId(): number {
    return this.#random.integer(1, Math.max(1, this.#nodes));
  }

  #now(): number {
    return this.#startMs + this.#random.integer(-3, 3) * 10_000;
  }

  #shardIds(): number[] {
    const all = this.#organizations.map(shardOf);
    return this.#random.chance(0.7) ? all : all.slice(1);
  }

  #someEvents(count: number) {
    const chosen = Array.from({ length: count }, () => this.#events[this.#random.integer(0, Math.max(0, this.#events.length - 1))]);
    return [...new Set(chosen.filter((event) => event !== undefined))];
  }

  #someDeliveries(count: number) {
    return this.#someEvents(count).flatMap(({ id, organizationKey, webhookIds }) =>
      webhookIds.map((webhookId) => ({ id: deliveryId(id, webhookId), eventId: id, organizationKey, webhookId })),
    );
  }
}

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';
/** The simulation implements these too: settlements need the epochs, and appends the versions. */
const EPOCHS = { name: 'conformance_epochs', text: 'SELECT id, epoch FROM shards ORDER BY id' };
const VERSIONS = { name: 'conformance_versions', text: 'SELECT key, version FROM organizations' };

function call(name: string, run: Call['run']): Call {
  return { name, isOrdered: false, run };
}

function ordered(name: string, run: Call['run']): Call {
  return { name, isOrdered: true, run };
}
