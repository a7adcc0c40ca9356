import { describe, expect, it } from 'vitest';
import type { Slot } from './dispatcher.ts';
import { Bench } from './simulated-dispatcher.ts';

/** Offers a fresh job as the engine does: if the breaker refuses it, as the probe. */
function offerFresh(bench: Bench, webhookId: string, organizationKey = 1): string {
  const offered = bench.offer(webhookId, { organizationKey });
  if (offered !== 'open') return offered;
  if (bench.dispatcher.admitsProbe(webhookId, 'fresh', bench.now)) return bench.offer(webhookId, { organizationKey, kind: 'probe' });
  bench.dispatcher.hastenProbe(webhookId);
  return 'open';
}

/** A webhook whose breaker is open and whose backoff has grown to its maximum. */
function longDead(bench: Bench, webhookId: string, organizationKey = 1): void {
  bench.dispatcher.openBreaker({ organizationKey, webhookId }, bench.now);
  for (let i = 0; i < 10; i += 1) {
    bench.now += 300_000;
    bench.dispatcher.probesDue(bench.now);
    bench.offer(webhookId, { organizationKey, kind: 'probe' });
    bench.release(bench.take(), { kind: 'failure', final: false });
  }
}

describe('a fresh job of a webhook whose breaker is open', () => {
  it('is the probe when the last one was 4.5 s ago', () => {
    const bench = new Bench();
    longDead(bench, 'a');
    bench.now += 4499;
    expect(offerFresh(bench, 'a')).toBe('open');
    bench.now += 1;
    expect(offerFresh(bench, 'a')).toBe('queued');
    expect(offerFresh(bench, 'a')).toBe('open');
    expect(bench.release(bench.take())).toEqual({ evicted: [], recovered: true });
    expect(bench.offer('a')).toBe('queued');
  });

  it('makes the next probe due in time if it cannot be the probe itself', () => {
    const bench = new Bench();
    longDead(bench, 'a');
    expect(offerFresh(bench, 'a')).toBe('open');
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBe(bench.now + 4500);
    bench.now += 4500;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    bench.offer('a', { kind: 'probe' });
    bench.release(bench.take(), { kind: 'failure', final: false });
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBe(bench.now + 300_000);
  });

  it('does not call a dead endpoint more than once in 4.5 s, however many fresh jobs are offered', () => {
    const bench = new Bench();
    longDead(bench, 'a');
    let probes = 0;
    for (let elapsed = 0; elapsed < 45_000; elapsed += 10) {
      bench.now += 10;
      for (const { webhookId } of bench.dispatcher.probesDue(bench.now)) bench.offer(webhookId, { kind: 'probe' });
      offerFresh(bench, 'a');
      const slot = bench.take();
      if (slot === null) continue;
      probes += 1;
      bench.release(slot, { kind: 'failure', final: false });
    }
    expect(probes).toBe(10);
  });

  it('waits if the maximum of probes is under way, in its organization or in total', () => {
    const bench = new Bench({ probes: 8, organizationShare: 0.25 });
    for (const organizationKey of [1, 2, 3, 4, 5]) {
      for (const number of [1, 2, 3])
        bench.dispatcher.openBreaker({ organizationKey, webhookId: `${organizationKey}.${number}` }, bench.now);
    }
    bench.now += 60_000;
    const offered = [1, 2, 3, 4, 5].map((organizationKey) =>
      [1, 2, 3].map((number) => offerFresh(bench, `${organizationKey}.${number}`, organizationKey)),
    );
    expect(offered).toEqual([
      ['queued', 'queued', 'open'],
      ['queued', 'queued', 'open'],
      ['queued', 'queued', 'open'],
      ['queued', 'queued', 'open'],
      ['open', 'open', 'open'],
    ]);
    expect(bench.dispatcher.probesDue(bench.now)).toEqual([]);
    const slots: Slot<string>[] = bench.takeAll();
    expect(slots).toHaveLength(8);
    for (const slot of slots) bench.release(slot, { kind: 'failure', final: false });
    expect(bench.dispatcher.probesDue(bench.now).length).toBe(7);
  });

  it('does not wait for a probe that was drained', () => {
    const bench = new Bench({ probes: 1 });
    bench.dispatcher.openBreaker({ organizationKey: 1, webhookId: 'a' }, bench.now);
    bench.dispatcher.openBreaker({ organizationKey: 1, webhookId: 'b' }, bench.now);
    bench.now += 1000;
    expect(offerFresh(bench, 'a')).toBe('queued');
    expect(offerFresh(bench, 'b')).toBe('open');
    bench.dispatcher.drain('a');
    expect(offerFresh(bench, 'b')).toBe('queued');
  });
});

describe('a retry of a webhook whose breaker is open', () => {
  it('is the probe only if one was requested and no job was offered', () => {
    const bench = new Bench();
    longDead(bench, 'a');
    expect(bench.dispatcher.admitsProbe('a', 'retry', bench.now + 60_000)).toBe(false);
    bench.now += 300_000;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    expect(bench.dispatcher.admitsProbe('a', 'retry', bench.now)).toBe(true);
  });
});
