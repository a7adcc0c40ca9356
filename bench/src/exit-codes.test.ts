import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test.each([
  ['main.ts', '--rounds'],
  ['chaos/main.ts', '--rounds'],
  ['soak/main.ts', '--minutes'],
])('%s ends with code 2 if an option is wrong', async (main, option) => {
  const script = fileURLToPath(new URL(main, import.meta.url));
  const child = spawn(process.execPath, [script, `${option}=none`], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [[code], [said]] = (await Promise.all([once(child, 'exit'), once(child.stderr, 'data')])) as [[number], [Buffer]];
  expect([code, String(said)]).toEqual([2, expect.stringContaining(`${option} must be a whole number`)]);
});
