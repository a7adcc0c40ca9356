import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AddressCache } from './address-cache.ts';
import { hostsFileAddresses, systemResolver } from './resolver.ts';
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

/** A name server that knows `both.test` (A and AAAA), `four.test` (A) and `six.test` (AAAA). */
async function startNameServer(): Promise<{ address: string } & AsyncDisposable> {
  const socket = createSocket('udp4');
  const answers: Record<string, Buffer | undefined> = {
    'both.test 1': Buffer.from([192, 0, 2, 1]),
    'both.test 28': Buffer.from('20010db8000000000000000000000001', 'hex'),
    'four.test 1': Buffer.from([192, 0, 2, 2]),
    'six.test 28': Buffer.from('20010db8000000000000000000000002', 'hex'),
  };
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    const type = query.readUInt16BE(at + 1);
    const data = answers[`${labels.join('.').toLowerCase()} ${type}`];
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(data === undefined ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(data === undefined ? 0 : 1, 6);
    const record = Buffer.alloc(data === undefined ? 0 : 12);
    if (data !== undefined) {
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(type === 1 ? 30 : 20, 6);
      record.writeUInt16BE(data.length, 10);
    }
    socket.send(Buffer.concat([head, query.subarray(12, at + 5), record, data ?? Buffer.alloc(0)]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => socket.close(resolve));
    },
  };
}

describe('systemResolver', () => {
  it('queries both address families, and returns what exists', async () => {
    await using server = await startNameServer();
    const resolve = systemResolver({ servers: [server.address] });
    const four = { addresses: [{ address: '192.0.2.2', family: 4 }], ttlSeconds: 30 };
    expect(await resolve('four.test')).toMatchObject(four);
    expect(await resolve('four.test.')).toMatchObject(four);
    expect(await resolve('six.test')).toMatchObject({ addresses: [{ address: '2001:db8::2', family: 6 }], ttlSeconds: 20 });
    expect((await resolve('both.test')).addresses.map(({ address }) => address)).toEqual(['192.0.2.1', '2001:db8::1']);
    expect((await resolve('none.test')).addresses).toEqual([]);
  });

  it('reads the hosts file first', async () => {
    const { addresses } = await systemResolver({ servers: ['127.0.0.1:1'] })('localhost');
    expect(addresses.map(({ address }) => address)).toContain('127.0.0.1');
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

  it('shares one query for concurrent lookups of a name, and caches it', async () => {
    const { cache, asked } = counting(one);
    await Promise.all([cache.resolve('a.test'), cache.resolve('a.test')]);
    expect(cache.peek('a.test')).toEqual(one.addresses);
    expect(asked).toEqual(['a.test']);
  });

  it('caches for a while that a name could not be resolved', async () => {
    const { cache } = counting(null);
    expect(await cache.resolve('a.test')).toEqual([]);
    expect(cache.peek('a.test')).toEqual([]);
  });

  it('does not cache a TTL of 0', async () => {
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
