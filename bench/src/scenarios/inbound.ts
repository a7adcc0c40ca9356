import { organizationId } from '../load/request-template.ts';
import { measureLoad } from '../measure-load.ts';
import { bounded, type Scenario } from '../scenario.ts';

const GOALS = 100;

export const inbound: Scenario = {
  name: 'inbound',
  title: 'Values posted to the inbound hooks of a hundred goals',
  async run(bench) {
    await using stage = await bench.stage('inbound');
    const organization = organizationId(0);
    await stage.api.createOrganization(organization, { inbound: true });
    const paths: string[] = [];
    for (let index = 0; index < GOALS; index++) {
      const goal = await stage.api.post<{ id: string }>(`/${organization}/goals`, { name: `Goal ${index}`, direction: 'maximize' });
      const target = { kind: 'goal', id: goal.id };
      const { url } = await stage.api.post<{ url: string }>(`/${organization}/inbound-hooks`, { target });
      paths.push(new URL(url).pathname);
    }
    const measurement = await measureLoad(bench, stage, { label: 'inbound', target: 'goals', paths, fanOut: 0 });
    const show = (rate: number): string => `${Math.round(rate).toLocaleString('en')}/s`;
    return {
      measurements: [measurement],
      checks: () => [bounded('inbound: posts taken', measurement.acceptedPerSecond, { atLeast: 4_000, show })],
    };
  },
};
