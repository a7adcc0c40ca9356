import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Dispatcher, type Slot } from './dispatcher.ts';
import type { JobKind, Outcome } from './offer.ts';
import { DEFAULT_DISPATCHER_OPTIONS, type DispatcherOptions } from './options.ts';

interface Job {
  readonly number: number;
  readonly webhookId: string;
  readonly orderKey: string | null;
  state: 'queued' | 'inFlight' | 'ended' | 'returned';
}

const SMALL: DispatcherOptions = {
  ...DEFAULT_DISPATCHER_OPTIONS,
  fastSlots: 6,
  slowSlots: 6,
  webhookShare: 0.34,
  organizationShare: 0.5,
  queuePerWebhook: 8,
  queueTotal: 20,
  windowStart: 3,
  windowMax: 5,
  slowAfterMs: 100,
  retryEvery: 3,
  rememberedLanes: 2,
  breaker: { failures: 3, withinMs: 1000, firstProbeMs: 50, maxProbeMs: 400, freshProbeMs: 80 },
  probes: 4,
  parkAfterMs: 200,
};

const WEBHOOKS = 6;
const LONGEST_PAUSE_MS = 1_000;
const ORGANIZATIONS = 3;
const webhook = fc.nat(WEBHOOKS - 1);

type Command =
  | { readonly do: 'offer'; readonly webhook: number; readonly kind: JobKind; readonly orderKey: string | null }
  | { readonly do: 'take' | 'release' | 'abandon'; readonly pick: number; readonly outcome: Omit<Outcome, 'durationMs'> }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'drain' | 'open'; readonly webhook: number };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('offer' as const),
      webhook,
      kind: fc.constantFrom<JobKind>('fresh', 'fresh', 'retry', 'probe'),
      orderKey: fc.constantFrom(null, null, 'x', 'y'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('take' as const, 'take' as const, 'take' as const, 'release' as const, 'release' as const, 'abandon' as const),
      pick: fc.nat(100),
      outcome: fc.record({
        kind: fc.constantFrom('success' as const, 'failure' as const, 'overload' as const),
        final: fc.boolean(),
        retryAfterMs: fc.constantFrom(null, null, 0, 100, 250, LONGEST_PAUSE_MS),
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('drain' as const, 'open' as const), webhook }) },
);

/** Runs commands against a dispatcher and tracks the state of every job itself. */
class Model {
  readonly dispatcher = new Dispatcher<Job>(SMALL);
  readonly #jobs: Job[] = [];
  readonly #pausedUntil = new Map<string, number>();
  readonly #slots: { slot: Slot<Job>; at: number }[] = [];
  #now = 0;

  run(step: Command): void {
    switch (step.do) {
      case 'offer':
        return this.#offer(step.webhook, step.kind, step.orderKey);
      case 'take':
        return void this.#take();
      case 'release':
      case 'abandon':
        return this.#end(step.pick, step.do === 'release' ? step.outcome : null);
      case 'wait':
        this.#now += step.ms;
        this.dispatcher.sweep(this.#now);
        return this.#probe();
      case 'drain':
        return this.#returned(this.dispatcher.drain(`w${step.webhook}`));
      case 'open':
        return this.dispatcher.openBreaker({ organizationKey: step.webhook % ORGANIZATIONS, webhookId: `w${step.webhook}` }, this.#now);
    }
  }

  check(): void {
    const { dispatcher } = this;
    const queued = this.#in('queued');
    const inFlight = this.#in('inFlight');
    assert.equal(dispatcher.queued, queued.length);
    assert.equal(dispatcher.inFlight, inFlight.length);
    assert.ok(dispatcher.queued <= 2 * SMALL.queueTotal + WEBHOOKS);
    assert.ok(dispatcher.runnable >= 0);
    assert.ok(dispatcher.pressure >= 0);
    const responsive = Array.from({ length: ORGANIZATIONS }, (_, key) => dispatcher.responsiveOf(key)).reduce((a, b) => a + b, 0);
    assert.equal(dispatcher.pressure, responsive);
    assert.ok(dispatcher.runnable <= responsive);
    assert.ok(responsive <= dispatcher.queued);
    const perOrganization = groupBy(queued, (job) => String(Number(job.webhookId.slice(1)) % ORGANIZATIONS));
    const mostQueued = 2 * SMALL.queueTotal * SMALL.organizationShare + WEBHOOKS;
    for (const [, jobs] of perOrganization) assert.ok(jobs.length <= mostQueued);
    assert.ok(dispatcher.inFlight - dispatcher.slowInFlight <= SMALL.fastSlots);
    assert.ok(dispatcher.slowInFlight <= SMALL.slowSlots + SMALL.fastSlots);
    for (const [, jobs] of groupBy(inFlight, (job) => job.webhookId)) assert.ok(jobs.length <= SMALL.windowMax + 1);
    for (const [, jobs] of groupBy(queued, (job) => job.webhookId)) assert.ok(jobs.length <= SMALL.queuePerWebhook + 1);
    const ordered = inFlight.filter((job) => job.orderKey !== null);
    for (const [, jobs] of groupBy(ordered, (job) => `${job.webhookId} ${job.orderKey}`)) assert.equal(jobs.length, 1);
  }

  /** All endpoints work from now on, so every queued job must eventually be taken. */
  finish(): void {
    for (let round = 0; round < 200 && this.dispatcher.queued + this.dispatcher.inFlight > 0; round += 1) {
      while (this.#slots.length > 0) this.#end(0, { kind: 'success', final: true, retryAfterMs: null });
      while (this.#take());
      this.#now += 500;
      this.#probe();
    }
    this.check();
    assert.deepEqual(this.#in('queued'), []);
    assert.deepEqual(this.#in('inFlight'), []);
    assert.equal(this.dispatcher.runnable, 0);
    for (let i = 0; i < WEBHOOKS; i += 1) this.#returned(this.dispatcher.drain(`w${i}`));
    this.#now += LONGEST_PAUSE_MS;
    assert.equal(this.dispatcher.take(this.#now), null);
    assert.equal(this.dispatcher.lanes, 0);
    assert.equal(this.dispatcher.nextReadyAt(this.#now), null);
  }

  #in(state: Job['state']): Job[] {
    return this.#jobs.filter((job) => job.state === state);
  }

  #offer(index: number, kind: JobKind, orderKey: string | null): void {
    const job: Job = { number: this.#jobs.length, webhookId: `w${index}`, orderKey, state: 'queued' };
    const lane = { organizationKey: index % ORGANIZATIONS, webhookId: job.webhookId, rateLimit: index === 0 ? 20 : null };
    if (this.dispatcher.offer(lane, job, { kind, orderKey }) === 'queued') this.#jobs.push(job);
  }

  #take(): boolean {
    const taken = this.dispatcher.take(this.#now);
    if (taken === null) return false;
    const { job, slot } = taken;
    assert.equal(job.state, 'queued');
    assert.ok(this.#now >= (this.#pausedUntil.get(job.webhookId) ?? 0));
    if (job.orderKey !== null) {
      const earlier = this.#in('queued').filter(
        (other) => other.webhookId === job.webhookId && other.orderKey === job.orderKey && other.number < job.number,
      );
      assert.deepEqual(earlier, []);
    }
    job.state = 'inFlight';
    this.#slots.push({ slot, at: this.#now });
    return true;
  }

  #end(pick: number, outcome: Omit<Outcome, 'durationMs'> | null): void {
    const [ended] = this.#slots.splice(pick % Math.max(1, this.#slots.length), 1);
    if (ended === undefined) return;
    const { slot, at } = ended;
    assert.equal(slot.job.state, 'inFlight');
    slot.job.state = 'ended';
    if (outcome === null) return this.dispatcher.abandon(slot, this.#now);
    const { webhookId } = slot.job;
    if (outcome.kind !== 'success' && outcome.retryAfterMs !== null) {
      this.#pausedUntil.set(webhookId, Math.max(this.#pausedUntil.get(webhookId) ?? 0, this.#now + outcome.retryAfterMs));
    }
    this.#returned(this.dispatcher.release(slot, { ...outcome, durationMs: this.#now - at }, this.#now).evicted);
  }

  #returned(jobs: readonly Job[]): void {
    for (const job of jobs) {
      assert.equal(job.state, 'queued');
      job.state = 'returned';
    }
    assert.deepEqual(
      jobs.map((job) => job.number),
      jobs.map((job) => job.number).toSorted((a, b) => a - b),
    );
  }

  #probe(): void {
    for (const due of this.dispatcher.probesDue(this.#now)) this.#offer(Number(due.webhookId.slice(1)), 'probe', null);
  }
}

function groupBy(jobs: readonly Job[], keyOf: (job: Job) => string): Map<string, Job[]> {
  return Map.groupBy(jobs, keyOf);
}

describe('whatever is offered, taken, released, drained', () => {
  it('loses and duplicates no job, exceeds no limit, keeps order keys in order, and terminates', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 150, size: 'max' }), (commands) => {
        const model = new Model();
        for (const step of commands) {
          model.run(step);
          model.check();
        }
        model.finish();
        expect(model.dispatcher.lanes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});

interface Crowd {
  readonly dispatcher: Dispatcher<string>;
  readonly fill: () => void;
}

/** Webhooks with an endless supply of jobs, `sizes[i]` of them in organization i. */
function crowd(sizes: readonly number[], change: Partial<DispatcherOptions>): Crowd {
  const dispatcher = new Dispatcher<string>({
    ...DEFAULT_DISPATCHER_OPTIONS,
    windowStart: 64,
    windowMax: 64,
    queuePerWebhook: 100,
    ...change,
  });
  const fill = (): void => {
    sizes.forEach((size, organizationKey) => {
      for (let i = 0; i < size; i += 1) {
        const lane = { organizationKey, webhookId: `${organizationKey}.${i}`, rateLimit: null };
        while (dispatcher.offer(lane, lane.webhookId, { kind: 'fresh', orderKey: null }) === 'queued');
      }
    });
  };
  return { dispatcher, fill };
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
const picks = fc.infiniteStream(fc.nat(1_000_000));

describe('turns', () => {
  it('give organizations equal shares, and each one’s webhooks equal shares of that, in whatever order exchanges end', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 20 }), picks, (webhooks, fastSlots, random) => {
        const { dispatcher, fill } = crowd(webhooks, { fastSlots, webhookShare: 1, organizationShare: 1 });
        const slots: Slot<string>[] = [];
        const started = new Map<string, number>();
        for (let step = 0; step < 300; step += 1) {
          fill();
          for (let taken = dispatcher.take(step); taken !== null; taken = dispatcher.take(step)) {
            slots.push(taken.slot);
            started.set(taken.job, (started.get(taken.job) ?? 0) + 1);
          }
          const [ended] = slots.splice((random.next().value ?? 0) % slots.length, 1);
          if (ended !== undefined) dispatcher.release(ended, { kind: 'success', durationMs: 1, final: true, retryAfterMs: null }, step);
        }
        const shares = webhooks.map((size, organization) =>
          Array.from({ length: size }, (_, i) => started.get(`${organization}.${i}`) ?? 0),
        );
        // An organization without a slot for a while rejoins at the end, which costs at most one turn.
        expect(spread(shares.map((counts) => counts.reduce((a, b) => a + b, 0)))).toBeLessThanOrEqual(2);
        for (const counts of shares) expect(spread(counts)).toBeLessThanOrEqual(2);
      }),
      { numRuns: 50 },
    );
  });

  it('start no job above a cap while one below waits', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 4, max: 40 }), picks, (webhooks, fastSlots, random) => {
        const { dispatcher, fill } = crowd(webhooks, { fastSlots, webhookShare: 0.1, organizationShare: 0.25 });
        const webhookCap = Math.max(1, Math.floor(fastSlots * 0.1));
        const organizationCap = Math.max(1, Math.floor(fastSlots * 0.25));
        const slots: Slot<string>[] = [];
        const inUse = (prefix: string): number => slots.filter(({ job }) => job === prefix || job.startsWith(`${prefix}.`)).length;
        const isBelow = (job: string): boolean => inUse(job) < webhookCap && inUse(job.split('.')[0] ?? '') < organizationCap;
        const all = webhooks.flatMap((size, organization) => Array.from({ length: size }, (_, i) => `${organization}.${i}`));
        for (let step = 0; step < 100; step += 1) {
          fill();
          const someoneBelow = all.some(isBelow);
          const taken = slots.length < fastSlots || random.next().value % 2 === 0 ? dispatcher.take(step) : null;
          expect(taken === null || isBelow(taken.job) || !someoneBelow).toBe(true);
          if (taken !== null) slots.push(taken.slot);
          if (slots.length === 0 || random.next().value % 3 > 0) continue;
          const [ended] = slots.splice(random.next().value % slots.length, 1);
          if (ended !== undefined) dispatcher.release(ended, { kind: 'success', durationMs: 1, final: true, retryAfterMs: null }, step);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('let a flood of one organization delay a job of another only by a few turns', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 4, max: 40 }), (flooding, fastSlots) => {
        const { dispatcher, fill } = crowd([flooding], { fastSlots, queueTotal: 1_000_000 });
        const slots: Slot<string>[] = [];
        for (let step = 0; step < 50; step += 1) {
          fill();
          for (let taken = dispatcher.take(step); taken !== null; taken = dispatcher.take(step)) slots.push(taken.slot);
          dispatcher.offer({ organizationKey: 99, webhookId: 'quiet', rateLimit: null }, 'quiet', { kind: 'fresh', orderKey: null });
          for (let turn = 0; turn < 2; turn += 1) {
            const ended = slots.shift();
            if (ended !== undefined) dispatcher.release(ended, { kind: 'success', durationMs: 1, final: true, retryAfterMs: null }, step);
          }
          const next = [dispatcher.take(step), dispatcher.take(step)];
          expect(next.map((taken) => taken?.job)).toContain('quiet');
          for (const taken of next) if (taken !== null) slots.push(taken.slot);
        }
      }),
      { numRuns: 50 },
    );
  });
});
