import type { Bench } from '../bench.ts';
import { measureInTurns } from '../measure-in-turns.ts';
import { ofLimit, type Findings, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { steady } from './steady.ts';

const OBJECTS_A_REQUEST = 100;

export const objects: Scenario = {
  name: 'objects',
  title: 'One object state a request, each giving one event, one webhook',
  run: (bench) => pushStates(bench, { label: 'objects', batch: 1, atLeast: 0.1 }),
};

export const bulkObjects: Scenario = {
  name: 'bulk-objects',
  title: 'A hundred object states a request, each giving one event, one webhook',
  run: (bench) => pushStates(bench, { label: 'objects, bulk 100', batch: OBJECTS_A_REQUEST, atLeast: 0.15 }),
};

async function pushStates(bench: Bench, run: { label: string; batch: number; atLeast: number }): Promise<Findings> {
  const { label, batch, atLeast } = run;
  await using stage = await bench.stage(batch === 1 ? 'objects' : 'bulk-objects');
  await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'objects') }]);
  const [measurement] = await measureInTurns(bench, [{ stage, load: { label, target: 'objects', batch } }]);
  return {
    measurements: [measurement],
    checks: (limit) => [ofLimit(`${label}: delivered`, measurement.deliveredPerSecond, { limit, atLeast }), ...steady(measurement)],
  };
}
