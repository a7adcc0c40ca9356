import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { OutageLog } from './outage-log.ts';

class Lost extends Error {}

function outageLog(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => (lines.push(JSON.parse(chunk.toString())), done()) });
  const clock = { ms: 1_000_000 };
  const outages = new OutageLog({
    log: pino({ level, base: null }, sink),
    isOutage: (error) => error instanceof Lost,
    now: () => clock.ms,
  });
  return { outages, clock, lines, messages: () => lines.map(({ msg }) => msg) };
}

test('an outage logs a line at its start, one every 30 seconds with the suppressed messages, and one at its end', () => {
  const { outages, clock, lines, messages } = outageLog();
  for (let second = 0; second < 40; second++) {
    outages.log.error({ err: new Lost() }, 'Unexpected error');
    outages.log.warn({ err: new Lost() }, 'Outcomes could not be recorded.');
    outages.failed(new Lost());
    clock.ms += 1_000;
  }
  outages.succeeded();
  expect(messages()).toEqual([expect.stringContaining('The database is unavailable'), 'The database is still unavailable']);
  expect(lines[1]).toMatchObject({ seconds: 30, leftOut: { 'Unexpected error': 31, 'Outcomes could not be recorded.': 30 } });
  clock.ms += 5_000;
  outages.succeeded();
  outages.succeeded();
  expect(messages().slice(2)).toEqual(['The database is available again']);
  expect(lines[2]).toMatchObject({ seconds: 39, leftOut: { 'Unexpected error': 40, 'Outcomes could not be recorded.': 40 } });
});

test('other lines are logged as usual, also during an outage and by child loggers', () => {
  const { outages, messages } = outageLog();
  outages.failed(new Lost());
  outages.log.warn('No details.');
  outages.log.error({ err: new Error('A fault.') }, 'Broken.');
  outages.log.info({ err: new Lost() }, 'For information.');
  outages.log.child({ part: 'a' }).warn({ err: new Lost() }, 'Left out.');
  expect(messages().slice(1)).toEqual(['No details.', 'Broken.', 'For information.']);
});

test('at level debug every line is logged', () => {
  const { outages, messages } = outageLog('debug');
  outages.log.warn({ err: new Lost() }, 'Left out at info.');
  expect(messages()).toEqual([expect.stringContaining('The database is unavailable'), 'Left out at info.']);
});
