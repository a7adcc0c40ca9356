import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Chained } from '../chained-list.ts';
import { OriginShares, type WebhookShare } from './origin-shares.ts';

class Item implements Chained<Item> {
  next: Item | null = null;
  previous: Item | null = null;
  readonly share: WebhookShare<Item>;
  constructor(share: WebhookShare<Item>) {
    this.share = share;
  }
}

/** Takes connections until there are none left. Returns how many. */
function fill(shares: OriginShares<Item>, organization: number, webhooks: readonly string[]): number {
  let taken = 0;
  for (let before = -1; before < taken;) {
    before = taken;
    for (const webhook of webhooks) {
      const share = shares.of(organization, webhook);
      if (!shares.admits(share)) continue;
      shares.occupy(share);
      taken++;
    }
  }
  return taken;
}

it('one webhook gets a third of the connections, one organization half, and each further one half of the rest or less', () => {
  expect(fill(new OriginShares(1_024), 1, ['a'])).toBe(342);
  const shares = new OriginShares<Item>(1_024);
  const webhooks = (organization: number) => Array.from({ length: 60 }, (_, index) => `${organization}-${index}`);
  const taken = [1, 2, 3, 4, 5].map((organization) => fill(shares, organization, webhooks(organization)));
  expect(taken[0]).toBeGreaterThan(450);
  for (const one of taken) expect(one).toBeGreaterThan(10);
});

it('waiting items take turns over organizations, then over webhooks', () => {
  const shares = new OriginShares<Item>(2);
  const holder = shares.of(9, 'holder');
  shares.occupy(holder);
  shares.occupy(holder);
  const items = ['1a', '1a', '1b', '2c', '2c', '3d'].map((name) => new Item(shares.of(Number(name[0]), name)));
  for (const item of items) shares.wait(item.share, item);
  expect(shares.next()).toBeNull();
  shares.vacate(holder);
  shares.vacate(holder);
  const order: Item[] = [];
  for (let item = shares.next(); item !== null; item = shares.next()) {
    shares.forget(item.share, item);
    order.push(item);
  }
  expect(order.map((item) => items.indexOf(item))).toEqual([0, 3, 5, 2, 4, 1]);
  expect(shares.isWaiting).toBe(false);
});

it('never gives out more connections than exist, eventually serves all items, and drops unused shares', () => {
  const step = fc.record({ organization: fc.nat(3), webhook: fc.nat(2), end: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 120 }), (connections, steps) => {
      const shares = new OriginShares<Item>(connections);
      const running: Item[] = [];
      const start = (item: Item): void => {
        shares.occupy(item.share);
        running.push(item);
        expect(running.length).toBeLessThanOrEqual(connections);
      };
      const serve = (): void => {
        for (let item = shares.next(); item !== null; item = shares.next()) {
          shares.forget(item.share, item);
          start(item);
        }
      };
      const end = (): void => {
        const item = running.shift();
        if (item === undefined) return;
        shares.vacate(item.share);
        serve();
      };
      for (const { organization, webhook, end: ends } of steps) {
        if (ends) {
          end();
          continue;
        }
        const share = shares.of(organization, `${organization}-${webhook}`);
        const item = new Item(share);
        if (shares.admits(share)) start(item);
        else shares.wait(share, item);
      }
      while (running.length > 0) end();
      expect(shares.isWaiting).toBe(false);
    }),
  );
});

it('an organization that came and went with a million webhooks leaves no shares behind', () => {
  const shares = new OriginShares<Item>(10);
  const kept = shares.of(1, 'kept');
  shares.occupy(kept);
  for (let index = 0; index < 1_000_000; index++) shares.of(index % 5_000, `webhook-${index}`);
  expect(shares.size).toBeLessThanOrEqual(1_000);
  expect(shares.of(1, 'kept')).toBe(kept);
});
