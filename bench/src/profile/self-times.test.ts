import { expect, test } from 'vitest';
import { selfTimes, type CpuProfile } from './self-times.ts';

const frame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber });
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(idle)', '', -1) },
    { id: 2, callFrame: frame('send', 'file:///somewhere/packages/server/src/delivery/sender.ts', 9) },
    { id: 3, callFrame: frame('write', 'file:///somewhere/node_modules/undici/lib/client.js', 0) },
    { id: 4, callFrame: frame('send', 'file:///somewhere/packages/server/src/delivery/sender.ts', 9) },
  ],
  startTime: 1_000,
  samples: [2, 1, 3, 4, 3],
  timeDeltas: [100, 500, 100, 200, 150],
};

test('self times are summed by function, most first, without idle time', () => {
  expect(selfTimes(PROFILE, null)).toEqual([
    { name: 'send', place: 'packages/server/src/delivery/sender.ts:10', us: 300 },
    { name: 'write', place: 'undici/lib/client.js:1', us: 250 },
  ]);
});

test('only samples within the window count', () => {
  expect(selfTimes(PROFILE, { fromUs: 1_650, toUs: 1_900 }).map(({ us }) => us)).toEqual([200, 100]);
});
