import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, runTool } from '../scripts/run-tool.ts';
import { loadDefinitions } from '../packages/server/src/catalog/load-definitions.ts';
import { startNode } from './harness/node-in-process.ts';
import { startReceiver } from './harness/receiver.ts';
import { makeTenant, type PushOutcome } from './harness/tenant.ts';

const PAGE = new URL('../docs/products.md', import.meta.url);

/** Puts the page's example into a folder, as a reader would. */
async function writeExample(): Promise<string> {
  const text = await readFile(PAGE, 'utf8');
  const section = text.slice(text.indexOf('## Complete example'));
  const [product = '', config = ''] = [...section.matchAll(/```ts\n([^]*?)```/g)].map(([, code = '']) => code);
  // Below the root, so that the packages are found; ignored by git.
  const place = join(ROOT, '.vitest');
  await mkdir(place, { recursive: true });
  const folder = await mkdtemp(join(place, 'example-'));
  await mkdir(join(folder, 'products'));
  await writeFile(join(folder, 'products/shop.ts'), product);
  await writeFile(join(folder, 'posthorn.config.ts'), config);
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['.'] }));
  return folder;
}

const types = ({ events }: PushOutcome) => events.map(({ type }) => type);

test('the complete example of docs/products.md compiles, is loaded, and does what the page says', async () => {
  const folder = await writeExample();
  try {
    expect(await runTool('tsc', ['-p', folder, '--noEmit'], { output: 'capture' })).toEqual({ exitCode: 0, output: '' });
    const products = await loadDefinitions(folder, []);
    await using node = await startNode({ products });
    await using receiver = await startReceiver();
    const tenant = await makeTenant(node, 'shop');
    await tenant.webhook({ url: receiver.url, ordered: true });
    const order = { id: 'o-1', status: 'placed', total: '19.90' };
    const parcels = [{ id: 'p-1', delivered: true }];
    expect(types(await tenant.push('order/o-1', order))).toEqual(['order-placed']);
    expect(types(await tenant.push('order/o-1', { ...order, status: 'shipped' }))).toEqual(['order-updated', 'order-shipped']);
    expect(types(await tenant.push('order/o-1', { ...order, status: 'shipped', parcels }))).toEqual(['order-updated', 'order-delivered']);
    for (const left of [5, 3]) await tenant.push('stock/kb-1', { sku: 'kb-1', left });
    await tenant.call('POST', '/digests/daily/run', {});
    const requests = await receiver.waitFor(6);
    const digest = requests
      .map(({ text }) => JSON.parse(text) as { type: string; data: object })
      .find(({ type }) => type === 'stock-moved');
    expect(digest?.data).toEqual({ moves: [{ sku: 'kb-1', before: 5, after: 3 }] });
    expect(Object.keys(requests[0]?.headers ?? {})).toEqual(expect.arrayContaining(['webhook-signature', 'x-shop-hmac']));
    expect(await tenant.request('PUT', '/objects/order/o-2', { state: { id: 'o-2', status: 'lost', total: '1' } })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/state/status' }] },
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
