import { expect, test } from 'vitest';
import { startReceiver } from './receiver.ts';

test('keeps requests as sent and answers as told', async () => {
  await using receiver = await startReceiver((request, index) => ({ status: index === 0 ? 503 : 201, body: request.text.toUpperCase() }));
  const first = await fetch(`${receiver.url}/hook?a=1`, { method: 'POST', body: 'é', headers: { 'x-test': 'yes' } });
  expect([first.status, await first.text()]).toEqual([503, 'É']);
  expect((await fetch(receiver.url)).status).toBe(201);
  const [request] = await receiver.waitFor(2);
  expect(request).toMatchObject({ method: 'POST', target: '/hook?a=1', text: 'é' });
  expect(request?.headers['x-test']).toBe('yes');
});

test('resets a connection when told to', async () => {
  await using receiver = await startReceiver('reset');
  await expect(fetch(receiver.url)).rejects.toThrow('fetch failed');
});

test('closing ends requests that hang', async () => {
  const receiver = await startReceiver('hang');
  const hanging = fetch(receiver.url).catch((error: unknown) => error);
  await receiver.waitFor(1);
  await receiver.close();
  expect(await hanging).toBeInstanceOf(TypeError);
});

test('says how many came when too few did', async () => {
  await using receiver = await startReceiver();
  await expect(receiver.waitFor(1, 20)).rejects.toThrow('0 of 1 requests came within 20 ms.');
});
