import { afterEach, beforeEach, expect, it } from 'vitest';
import { startHellReceiver } from '../../../test-support/hell-receiver.ts';
import type { HellReceiver } from '../../../test-support/hell-receiver.ts';
import { sentExchange } from '../../../test-support/sent-exchange.ts';
import { parseTargets } from '../../network/target-address.ts';
import type { Resolution } from './resolver.ts';
import { createSender } from './sender.ts';
import type { Exchange, LocalSender } from './sender.ts';

// 127.0.0.1 represents a public address, the only one that may be reached; 127.0.0.2 a private one.
const allowedTargets = parseTargets('127.0.0.1/32').targets;
let sender: LocalSender;
let hell: HellReceiver;
let inside: HellReceiver;

beforeEach(async () => {
  hell = await startHellReceiver();
  inside = await startHellReceiver({ host: '127.0.0.2', port: hell.port });
});

afterEach(async () => {
  await sender.close(0);
  await hell[Symbol.asyncDispose]();
  await inside[Symbol.asyncDispose]();
});

const at = (...addresses: string[]): Resolution => ({
  addresses: addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  ttlSeconds: 0,
});

function answering(...answers: (Resolution | Error | 'silence')[]): { asked: string[] } {
  const asked: string[] = [];
  sender = createSender({
    allowedTargets,
    resolve: async (hostname) => {
      const answer = answers[Math.min(asked.push(hostname), answers.length) - 1];
      if (answer instanceof Error) throw answer;
      return answer === undefined || answer === 'silence' ? await new Promise<Resolution>(() => undefined) : answer;
    },
  });
  return { asked };
}

function post(url: string, timeoutMs = 15_000): Promise<Exchange> {
  return sentExchange(sender, { url, method: 'POST', headers: [], body: null, timeoutMs });
}

it('connects to exactly the address that was checked, even if DNS changes the next moment', async () => {
  const { asked } = answering(at('127.0.0.1'), at('127.0.0.2'));
  expect(await post(hell.url('ok', 'endpoint.test'))).toMatchObject({ failure: null, response: { status: 200 } });
  expect(asked).toEqual(['endpoint.test']);
  expect(hell.seen.requests[0]).toContain(`host: endpoint.test:${hell.port}`);
  expect(inside.seen.connections).toBe(0);
});

it('blocks a name whose address becomes private between two connections', async () => {
  answering(at('127.0.0.1'), at('127.0.0.2'));
  expect((await post(hell.url('ok-and-close', 'endpoint.test'))).failure).toBeNull();
  expect((await post(hell.url('ok-and-close', 'endpoint.test'))).failure).toMatchObject({ code: 'blocked_address' });
  expect(inside.seen.connections).toBe(0);
});

it.each(['10.0.0.1', '127.0.0.2', '169.254.169.254', '::1', '::ffff:127.0.0.2', 'fd00::1', 'not an address'])(
  'blocks a name that resolves to %s, without revealing it',
  async (address) => {
    answering(at(address));
    const { failure } = await post(hell.url('ok', 'endpoint.test'));
    expect(failure?.code).toBe('blocked_address');
    expect(failure?.message).not.toContain(address);
  },
);

it('uses only the allowed addresses of several', async () => {
  answering(at('127.0.0.2', '::1', '127.0.0.1'));
  expect((await post(hell.url('ok', 'endpoint.test'))).failure).toBeNull();
  expect([hell.seen.connections, inside.seen.connections]).toEqual([1, 0]);
});

it('connects to an allowed address only at its allowed port', async () => {
  for (const [port, code] of [
    [hell.port, undefined],
    [hell.port + 1, 'blocked_address'],
  ] as const) {
    await sender.close(0);
    sender = createSender({ allowedTargets: parseTargets(`127.0.0.1/32:${port}`).targets, resolve: async () => at('127.0.0.1') });
    expect((await post(hell.url('ok', 'endpoint.test'))).failure?.code).toBe(code);
    expect((await post(hell.url('ok'))).failure?.code).toBe(code);
  }
});

it('tries the next address when one refuses', async () => {
  await inside[Symbol.asyncDispose]();
  answering(at('127.0.0.2', '127.0.0.1'));
  await sender.close(0);
  sender = createSender({ allowedTargets: parseTargets('127.0.0.0/8').targets, resolve: async () => at('127.0.0.2', '127.0.0.1') });
  expect((await post(hell.url('ok', 'endpoint.test'))).failure).toBeNull();
  inside = await startHellReceiver();
});

it('is dns when the name is unknown', async () => {
  answering(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }));
  expect(await post(hell.url('ok', 'endpoint.test'))).toMatchObject({
    response: null,
    failure: { code: 'dns', message: 'The host name endpoint.test could not be resolved.' },
  });
});

it('is dns when no name server responds before the deadline', async () => {
  answering('silence');
  expect(await post(hell.url('ok', 'endpoint.test'), 100)).toMatchObject({ response: null, failure: { code: 'dns' } });
  expect(sender.stats()).toEqual({ exchanges: 0, connections: 0 });
});

it('queries DNS once for connections that are opened together', async () => {
  const { asked } = answering(at('127.0.0.1'));
  await Promise.all(Array.from({ length: 10 }, () => post(hell.url('ok', 'endpoint.test'))));
  expect(asked).toHaveLength(1);
});
