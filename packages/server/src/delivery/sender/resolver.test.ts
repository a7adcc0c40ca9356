import { describe, expect, it } from 'vitest';
import { AddressCache } from './address-cache.ts';
import { hostsFileAddresses } from './resolver.ts';
import type { Resolution } from './resolver.ts';

describe('hostsFileAddresses', () => {
  const hosts = '# comment\n127.0.0.1\tlocalhost  My.Host # me.too\n::1 localhost\n\nnonsense my.host\n10.0.0.1 my.host';

  it('finds every address of a name, whatever its case', () => {
    expect(hostsFileAddresses(hosts, 'my.HOST').map(({ address }) => address)).toEqual(['127.0.0.1', '10.0.0.1']);
    expect(hostsFileAddresses(hosts, 'localhost')).toEqual([
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
  });

  it('finds nothing in comments', () => {
    expect(hostsFileAddresses(hosts, 'me.too')).toEqual([]);
    expect(hostsFileAddresses(hosts, '127.0.0.1')).toEqual([]);
  });
});

describe('AddressCache', () => {
  const counting = (resolution: Resolution | null) => {
    const asked: string[] = [];
    const cache = new AddressCache({
      maxNames: 2,
      resolve: async (hostname) => {
        asked.push(hostname);
        if (resolution === null) throw new Error('no answer');
        return resolution;
      },
    });
    return { cache, asked };
  };
  const one = { addresses: [{ address: '192.0.2.1', family: 4 }], ttlSeconds: 60 } as const;

  it('asks once for a name that many want, and remembers it', async () => {
    const { cache, asked } = counting(one);
    await Promise.all([cache.resolve('a.test'), cache.resolve('a.test')]);
    expect(cache.peek('a.test')).toEqual(one.addresses);
    expect(asked).toEqual(['a.test']);
  });

  it('remembers for a while that a name could not be resolved', async () => {
    const { cache } = counting(null);
    expect(await cache.resolve('a.test')).toEqual([]);
    expect(cache.peek('a.test')).toEqual([]);
  });

  it('does not keep what DNS says must not be kept', async () => {
    const { cache } = counting({ ...one, ttlSeconds: 0 });
    await cache.resolve('a.test');
    expect(cache.peek('a.test')).toBeUndefined();
  });

  it('is bounded', async () => {
    const { cache } = counting(one);
    for (const name of ['a.test', 'b.test', 'c.test']) await cache.resolve(name);
    expect(['a.test', 'b.test', 'c.test'].filter((name) => cache.peek(name) !== undefined)).toHaveLength(2);
  });
});
