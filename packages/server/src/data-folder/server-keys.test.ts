import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeMissingKeys, readKeys } from './server-keys.ts';
import { StartError } from '../start-error.ts';
import { Redacted } from '../telemetry/redacted.ts';

const FILES = ['root-key', 'encryption-key'] as const;
let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'posthorn-keys-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const read = () => readKeys({ rootKey: null, encryptionKeys: null, dataDir });
const make = async () => makeMissingKeys(await read(), dataDir);

test('missing keys are generated once, readable only by their owner, and reused from then on', async () => {
  expect(await read()).toEqual({ root: null, encryption: null });
  expect(await readdir(dataDir)).toEqual([]);
  const made = await make();
  expect(made.rootWasMade).toBe(true);
  const again = await make();
  expect(again.rootWasMade).toBe(false);
  expect([again.root.reveal(), ...again.encryption.map((key) => key.reveal())]).toEqual([
    made.root.reveal(),
    ...made.encryption.map((key) => key.reveal()),
  ]);
  for (const name of FILES) expect((await stat(join(dataDir, name))).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600);
});

test('configured keys are used without reading or creating files', async () => {
  for (const name of FILES) await writeFile(join(dataDir, name), '');
  const known = await readKeys({ rootKey: new Redacted('mine'), encryptionKeys: [new Redacted('one'), new Redacted('two')], dataDir });
  const keys = await makeMissingKeys(known, dataDir);
  expect([keys.root.reveal(), keys.encryption.map((key) => key.reveal()), keys.rootWasMade]).toEqual(['mine', ['one', 'two'], false]);
});

test.each(FILES)('a damaged %s is refused with what to do, and left as it is; its text is not shown', async (name) => {
  await make();
  const path = join(dataDir, name);
  const whole = (await readFile(path, 'utf8')).trim();
  for (const damaged of ['', '\n', whole.slice(0, 20), `${whole}A`, whole.replace(/.$/, '!'), `${whole}\n${whole}`, 'ÿ\0'.repeat(20)]) {
    await writeFile(path, damaged);
    const refused: unknown = await read().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StartError);
    expect(String(refused)).toContain(`The key file ${path} is damaged: it contains`);
    expect(String(refused)).toContain('Restore it from a backup');
    expect(String(refused)).not.toContain(whole.slice(0, 20));
    expect(await readFile(path, 'utf8')).toBe(damaged);
  }
});

test.each(FILES)('a %s that cannot be read is refused with what to do', async (name) => {
  await mkdir(join(dataDir, name));
  await expect(read()).rejects.toThrow(/The key file .* cannot be read: EISDIR.*Restore it from a backup/);
});
