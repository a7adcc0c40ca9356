import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT, runTool } from './run-tool.ts';

interface Import {
  readonly from: string;
  readonly of: string;
}

const SERVER = 'packages/server/src';

const REFUSED: readonly Import[] = [
  { from: 'packages/protocol/src/planted.ts', of: '@posthorn/sdk' },
  { from: 'packages/protocol/src/planted.ts', of: '@posthorn/server' },
  { from: 'packages/protocol/src/planted.ts', of: 'node:fs/promises' },
  { from: 'packages/sdk/src/planted.ts', of: '@posthorn/server' },
  { from: 'packages/sdk/src/planted.ts', of: '../../server/src/main.ts' },
  { from: 'products/revops/planted.ts', of: '@posthorn/server' },
  { from: `${SERVER}/planted.ts`, of: '@posthorn/sdk' },
  { from: `${SERVER}/planted.ts`, of: '@posthorn/products' },
  { from: `${SERVER}/http/planted.ts`, of: '../delivery/engine/engine.ts' },
  { from: `${SERVER}/http/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/http/webhooks/planted.ts`, of: '../../store/webhooks.ts' },
  { from: `${SERVER}/http/routes/planted.ts`, of: '../../main.ts' },
  { from: `${SERVER}/access/planted.ts`, of: '../http/server.ts' },
  { from: `${SERVER}/deliveries/planted.ts`, of: '../delivery/engine/engine.ts' },
  { from: `${SERVER}/http/planted.ts`, of: '@posthorn/sdk' },
  { from: `${SERVER}/delivery/engine/planted.ts`, of: '../../http/server.ts' },
  { from: `${SERVER}/delivery/engine/planted.ts`, of: '../../inbound/receiver.ts' },
  { from: `${SERVER}/goals/planted.ts`, of: '../delivery/engine/engine.ts' },
  { from: `${SERVER}/inbound/planted.ts`, of: '../http/server.ts' },
  { from: `${SERVER}/inbound/planted.ts`, of: '../goals/goals.ts' },
  { from: `${SERVER}/intake/planted.ts`, of: '../delivery/engine/engine.ts' },
  { from: `${SERVER}/intake/planted.ts`, of: '../inbound/receiver.ts' },
  { from: `${SERVER}/tenancy/planted.ts`, of: '../delivery/sender/sender.ts' },
  { from: `${SERVER}/tenancy/planted.ts`, of: '../intake/emit.ts' },
  { from: `${SERVER}/catalog/planted.ts`, of: '../http/server.ts' },
  { from: `${SERVER}/catalog/planted.ts`, of: '../tenancy/model.ts' },
  { from: `${SERVER}/catalog/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/store/planted.ts`, of: '../tenancy/model.ts' },
  { from: `${SERVER}/store/planted.ts`, of: '../catalog/product.ts' },
  { from: `${SERVER}/telemetry/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/batching/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/ids/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/errors/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/network/planted.ts`, of: '../tenancy/model.ts' },
  { from: `${SERVER}/sealing/planted.ts`, of: '../store/database.ts' },
];

const ALLOWED: readonly Import[] = [
  { from: 'packages/sdk/src/planted.ts', of: '@posthorn/protocol' },
  { from: 'products/revops/planted.ts', of: '@posthorn/sdk' },
  { from: `${SERVER}/main.ts`, of: '@posthorn/products' },
  { from: `${SERVER}/planted.ts`, of: './http/server.ts' },
  { from: `${SERVER}/http/planted.ts`, of: '../intake/emit.ts' },
  { from: `${SERVER}/http/planted.ts`, of: '../deliveries/deliveries.ts' },
  { from: `${SERVER}/access/planted.ts`, of: '../tenancy/tenant.ts' },
  { from: `${SERVER}/delivery/engine/planted.ts`, of: '../../tenancy/model.ts' },
  { from: `${SERVER}/delivery/engine/planted.ts`, of: '../sender/sender.ts' },
  { from: `${SERVER}/goals/planted.ts`, of: '../inbound/target-kind.ts' },
  { from: `${SERVER}/inbound/planted.ts`, of: '../intake/event-commit.ts' },
  { from: `${SERVER}/intake/planted.ts`, of: '../tenancy/model.ts' },
  { from: `${SERVER}/tenancy/planted.ts`, of: '../catalog/product.ts' },
  { from: `${SERVER}/tenancy/planted.ts`, of: '../store/database.ts' },
  { from: `${SERVER}/store/planted.ts`, of: '../ids/uuid-time.ts' },
  { from: `${SERVER}/store/planted.ts`, of: '../telemetry/outage-log.ts' },
];

let tree: string;

// A tree of its own with the project's rules, so that no other check sees what is planted.
beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'posthorn-layers-'));
  await copyFile(join(ROOT, '.oxlintrc.json'), join(tree, '.oxlintrc.json'));
});

afterAll(() => rm(tree, { recursive: true, force: true }));

async function plant(file: string, source: string): Promise<void> {
  const path = join(tree, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, source);
}

async function lintImport({ from, of }: Import): Promise<string> {
  await plant(from, `export { something } from '${of}';\n`);
  const { output } = await runTool('oxlint', ['--format', 'unix', from], { cwd: tree, output: 'capture' });
  return output;
}

describe('a layer', () => {
  test.for(REFUSED)('$from may not import $of', async (planted) => {
    expect(await lintImport(planted)).toContain('no-restricted-imports');
  });

  test.for(ALLOWED)('$from may import $of', async (planted) => {
    expect(await lintImport(planted)).not.toContain('no-restricted-imports');
  });
});

test('type-only imports are held by the layers too', async () => {
  const file = `${SERVER}/store/planted.ts`;
  await plant(file, `import type { Tenant } from '../tenancy/directory.ts';\nexport type Key = Tenant['key'];\n`);
  const { output } = await runTool('oxlint', ['--format', 'unix', file], { cwd: tree, output: 'capture' });
  expect(output).toContain('no-restricted-imports');
});

test('modules may not import one another in a circle', async () => {
  await plant(`${SERVER}/store/one.ts`, `import { two } from './two.ts';\nexport const one = (): number => two();\n`);
  await plant(`${SERVER}/store/two.ts`, `import { one } from './one.ts';\nexport const two = (): number => one();\n`);
  const { output } = await runTool('oxlint', ['--format', 'unix', `${SERVER}/store`], { cwd: tree, output: 'capture' });
  expect(output).toContain('no-cycle');
});

test('nor may they share types in a circle', async () => {
  await plant(`${SERVER}/ids/one.ts`, `import type { Two } from './two.ts';\nexport type One = Two | 1;\n`);
  await plant(`${SERVER}/ids/two.ts`, `import type { One } from './one.ts';\nexport interface Two {\n  readonly one: One;\n}\n`);
  const { output } = await runTool('oxlint', ['--format', 'unix', `${SERVER}/ids`], { cwd: tree, output: 'capture' });
  expect(output).toContain('no-cycle');
});

test('pure rules may not read the clock or roll dice', async () => {
  const file = `${SERVER}/delivery/rules/planted.ts`;
  await plant(file, `export const now = (): number => Date.now() + Math.random();\n`);
  const { output } = await runTool('oxlint', ['--format', 'unix', file], { cwd: tree, output: 'capture' });
  expect(output.match(/no-restricted-properties/g)).toHaveLength(2);
});
