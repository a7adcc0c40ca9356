import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockGaps, type Lock } from './lock-gaps.ts';
import { ROOT } from './run-tool.ts';

test('package-lock.json names the packages of every platform; `npm run lock` mends it', async () => {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  expect(Object.keys(lockGaps(lock))).toEqual([]);
});

test('a gap is filled with the platform that its name says', () => {
  const parent = { version: '1.0.0', dev: true, optionalDependencies: { '@x/linux-arm64-musl': '1.0.0', '@x/darwin-x64': '1.0.0' } };
  expect(lockGaps({ packages: { 'node_modules/x': parent, 'node_modules/@x/darwin-x64': {} } })).toEqual({
    'node_modules/@x/linux-arm64-musl': { version: '1.0.0', cpu: ['arm64'], dev: true, libc: ['musl'], optional: true, os: ['linux'] },
  });
});
