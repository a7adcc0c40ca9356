import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProductDefinition } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { loadDefinitions } from './load-definitions.ts';

const builtIn: readonly ProductDefinition[] = [{ name: 'generic', anyEvent: true, events: {} }];

async function load(text: string | null): Promise<readonly ProductDefinition[]> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-config-'));
  try {
    if (text !== null) await writeFile(join(folder, 'posthorn.config.ts'), text);
    return await loadDefinitions(folder, builtIn);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const names = (definitions: readonly ProductDefinition[]) => definitions.map(({ name }) => name);

test('without posthorn.config.ts only the built-in products are loaded', async () => {
  expect(await load(null)).toBe(builtIn);
});

test.each([
  ['one product', `export default { name: 'shop', events: {} };`],
  ['a list', `export default [{ name: 'shop', events: {} }];`],
  ['products', `export default { products: [{ name: 'shop', events: {} }] };`],
  ['TypeScript', `interface A { name: string }\nconst shop: A & { events: object } = { name: 'shop', events: {} };\nexport default shop;`],
])('posthorn.config.ts may export %s', async (_, text) => {
  expect(names(await load(text))).toEqual(['generic', 'shop']);
});

test.each([
  ['throws', `throw new Error('boom');`, /posthorn\.config\.ts cannot be loaded: boom/],
  ['is not TypeScript', `export default {{`, /posthorn\.config\.ts cannot be loaded/],
  ['exports nothing', `export const shop = 1;`, /must have a product definition/],
  ['exports an empty list', `export default [];`, /must have a product definition/],
  ['lists something else', `export default [{ name: 'shop', events: {} }, 'x'];`, /entry 2 is not a product definition/],
  ['lists a name twice', `export default [{ name: 'a', events: {} }, { name: 'a', events: {} }];`, /two products called a/],
])('a posthorn.config.ts that %s is refused', async (_, text, message) => {
  await expect(load(text)).rejects.toThrow(message);
  await expect(load(text)).rejects.toMatchObject({ name: 'DefinitionError' });
});
