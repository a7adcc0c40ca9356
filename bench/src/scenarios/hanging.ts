import { measureLoad, type LoadOptions } from '../measure-load.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { complete } from './steady.ts';

const WEBHOOKS = 100;
const HANGING_ONE_IN = 10;
/** Short, so that timeouts happen all through the run; the usual default is longer and asks less of the server. */
const TIMEOUT_MS = 5_000;

const show = (ratio: number): string => ratio.toFixed(2);

/** The same hundred webhooks twice: all of them answering, then every tenth never. */
export const hanging: Scenario = {
  name: 'hanging',
  title: 'A tenth of 100 webhooks never answers',
  async run(bench) {
    await using stage = await bench.stage('hanging');
    await makeOrganizations(stage, WEBHOOKS, (index) => [
      { url: bench.webhookUrl(0, `hanging-${index}`, { hanging: index % HANGING_ONE_IN === 0, origin: index }), timeoutMs: TIMEOUT_MS },
    ]);
    const load: LoadOptions = { label: 'all answer', organizations: WEBHOOKS };
    const healthy = await measureLoad(bench, stage, load);
    const healthyHalf = await measureLoad(bench, stage, { ...load, label: 'all answer, half load', rate: healthy.acceptedPerSecond / 2 });
    await bench.sink.call('hang', true);
    const hangingLoad = { ...load, label: 'a tenth hangs', hangingOneIn: HANGING_ONE_IN };
    const hung = await measureLoad(bench, stage, hangingLoad);
    const hungHalf = await measureLoad(bench, stage, {
      ...hangingLoad,
      label: 'a tenth hangs, half load',
      rate: healthy.acceptedPerSecond / 2,
    });
    await bench.sink.call('hang', false);
    const answering = 1 - 1 / HANGING_ONE_IN;
    return {
      measurements: [healthy, healthyHalf, hung, hungHalf],
      checks: () => [
        bounded('hanging: rate of the others, against before', hung.deliveredPerSecond / (healthy.deliveredPerSecond * answering), {
          atLeast: 0.85,
          show,
        }),
        bounded('hanging: p99 of the others, against before', hung.deliveryLatency.p99 / healthy.deliveryLatency.p99, { atMost: 2, show }),
        bounded('hanging: the same at half load', hungHalf.deliveryLatency.p99 / healthyHalf.deliveryLatency.p99, { atMost: 2, show }),
        ...[healthy, healthyHalf, hung, hungHalf].flatMap(complete),
      ],
    };
  },
};
