import { expect, test } from 'vitest';
import { Redacted } from './telemetry/redacted.ts';
import { welcome } from './welcome.ts';

const KEY = new Redacted('ph_root_of_the_test');
const EMBEDDED = { rootKey: null, dataDir: './.posthorn', databaseUrl: null };

function shown(more: { rootWasMade?: boolean; isTerminal?: boolean; rootKey?: Redacted; databaseUrl?: Redacted }): string {
  const { rootWasMade = true, isTerminal = true, ...config } = more;
  return welcome({ url: 'http://127.0.0.1:1', config: { ...EMBEDDED, ...config }, keys: { root: KEY, rootWasMade }, isTerminal });
}

test('the start that generated the root key shows it on a terminal', () => {
  expect(shown({})).toContain(`Root key   ${KEY.reveal()} (shown only once; stored in .posthorn/root-key)`);
  expect(shown({}).split(KEY.reveal())).toHaveLength(2);
});

test.each([
  ['by a later start', { rootWasMade: false }],
  ['where output is no terminal', { isTerminal: false }],
])('the root key is not shown %s; its file is named', (_when, how) => {
  expect(shown(how)).not.toContain(KEY.reveal());
  expect(shown(how)).toContain('Root key   in .posthorn/root-key');
  expect(shown(how)).toContain(`Bearer $(cat '.posthorn/root-key')`);
});

test('a configured root key is never shown', () => {
  const text = shown({ rootKey: KEY, rootWasMade: false, databaseUrl: new Redacted('postgres://u:hunter2@db/p') });
  expect(text).not.toContain(KEY.reveal());
  expect(text).not.toContain('hunter2');
  expect(text).toContain('Bearer $POSTHORN_ROOT_KEY');
});
