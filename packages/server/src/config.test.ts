import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const PRODUCTION = {
  DATABASE_URL: 'postgres://posthorn:hunter2@db/posthorn',
  POSTHORN_ROOT_KEY: 'root-key-0123456789',
  POSTHORN_ENCRYPTION_KEY: 'encryption-key-0123456789',
};

function problems(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ name }) => name);
    throw error;
  }
}

test('without settings the server uses the embedded database and development defaults', () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    databaseUrl: null,
    host: '127.0.0.1',
    port: 8030,
    dataDir: './.posthorn',
    inbox: true,
    retentionDays: 30,
  });
  expect(config.allowedTargets.networks).toHaveLength(2);
});

test('the development defaults do not apply with DATABASE_URL', () => {
  const config = readConfig(PRODUCTION);
  expect(config.inbox).toBe(false);
  expect(config.allowedTargets.networks).toHaveLength(0);
});

test.each([
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.7', false],
  ['127.example.com', false],
  ['posthorn.internal', false],
])('on host %s, the development defaults of an embedded server apply: %s', (host, hold) => {
  const config = readConfig({ POSTHORN_HOST: host });
  expect([config.inbox, config.allowedTargets.networks.length > 0]).toEqual([hold, hold]);
  const explicit = readConfig({ POSTHORN_HOST: host, POSTHORN_INBOX: 'on', POSTHORN_ALLOW_TARGETS: '127.0.0.1:8025' });
  expect([explicit.inbox, explicit.allowedTargets.networks.length]).toEqual([true, 1]);
});

test('ports are allowed in targets, not in proxies', () => {
  expect(problems({ POSTHORN_TRUSTED_PROXIES: '10.0.0.1:80' })).toEqual(['POSTHORN_TRUSTED_PROXIES']);
  expect(problems({ POSTHORN_ALLOW_TARGETS: '10.0.0.1:80000' })).toEqual(['POSTHORN_ALLOW_TARGETS']);
  expect(problems({ POSTHORN_ALLOW_TARGETS: '127.0.0.1/32:8025,[::1]/128:9000' })).toEqual([]);
});

test('all invalid settings are listed at once, without their values', () => {
  const wrong = {
    DATABASE_URL: 'mysql://hunter2@db',
    POSTHORN_PORT: '80x',
    POSTHORN_ROOT_KEY: 'hunter2',
    POSTHORN_ALLOW_TARGETS: '127.0.0.1/99',
    POSTHORN_LOG_LEVEL: 'loud',
    POSTHORN_RETENTION_DAYS: '0',
    POSTHORN_PROT: '8030',
  };
  expect(problems(wrong).sort()).toEqual(Object.keys(wrong).sort());
  expect(() => readConfig(wrong)).toThrow(/POSTHORN_PORT must be a whole number from 0 to 65535/);
  expect(() => readConfig(wrong)).not.toThrow(/hunter2/);
});

test('the keys are required with DATABASE_URL', () => {
  expect(problems({ DATABASE_URL: PRODUCTION.DATABASE_URL })).toEqual(['POSTHORN_ROOT_KEY', 'POSTHORN_ENCRYPTION_KEY']);
});

test('several encryption keys are read in order', () => {
  const { encryptionKeys } = readConfig({ ...PRODUCTION, POSTHORN_ENCRYPTION_KEY: 'new-key-0123456789, old-key-0123456789' });
  expect(encryptionKeys?.map((key) => key.reveal())).toEqual(['new-key-0123456789', 'old-key-0123456789']);
});

test('secrets are not shown by logs, JSON, templates or inspection', () => {
  const config = readConfig(PRODUCTION);
  for (const shown of [JSON.stringify(config), inspect(config, { depth: 5 }), String(config.rootKey) + String(config.databaseUrl)]) {
    expect(shown).not.toMatch(/hunter2|root-key|encryption-key/);
  }
});
