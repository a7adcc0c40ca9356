import { usageOf } from '../../environment/process-usage.ts';
import { percentile } from '../../measure/samples.ts';
import type { ChaosScenario } from '../scenario.ts';
import { runRounds, type FaultScene } from '../under-load.ts';
import { pause } from '../waiting.ts';

const BOMB = 'bomb';
const WEBHOOKS = 1_000;
const BATCHES = 6;
const EVENTS = 1_000;
const WATCHED_MS = 40_000;
const SAMPLE_MS = 250;
const MAX_BYTES = 2 ** 30;
const MIB = 1_048_576;

export const fanOut: ChaosScenario = {
  name: 'fan-out',
  title: `One tenant sends ${BATCHES * EVENTS} tiny events to ${WEBHOOKS} webhooks each; the others' events count`,
  repeats: 'none',
  async run(run) {
    let peakBytes = 0;
    const fault = async (scene: FaultScene): Promise<string> => {
      const peak = await explode(scene);
      peakBytes = Math.max(peakBytes, peak.bytes);
      return peak.note;
    };
    const stage = { nodes: 1, endpoints: [{ kind: 'ok', ordered: true }] } as const;
    const result = await runRounds({ name: 'fan-out', rounds: 1, stage, fault }, run);
    if (result.kind === 'skipped' || peakBytes <= MAX_BYTES) return result;
    return { ...result, problems: [...result.problems, `the node took ${Math.round(peakBytes / MIB)} MiB`] };
  },
};

async function explode({ stage, load, round, tell }: FaultScene): Promise<{ bytes: number; note: string }> {
  const organization = `${BOMB}-${round}`;
  await stage.api.createOrganization(organization);
  for (let index = 0; index < WEBHOOKS; index++) {
    await stage.api.createWebhook(organization, { url: `${stage.receiverUrl}/void/${organization}/${index}` });
  }
  tell(`${WEBHOOKS} webhooks are there`);
  const events = Array.from({ length: EVENTS }, (_, n) => ({ type: 'bomb.sent', data: { n } }));
  const before = load.latenciesMs.length;
  let refused = 0;
  const bomb = Promise.all(
    Array.from({ length: BATCHES }, () => stage.api.post(`/${organization}/events/batch`, { events }).catch(() => refused++)),
  );
  const bytes = await peakMemory(stage);
  await bomb;
  const p99 = percentile(
    [...load.latenciesMs.slice(before)].sort((a, b) => a - b),
    0.99,
  );
  return {
    bytes,
    note: `peak ${Math.round(bytes / MIB)} MiB, another tenant's accept p99 ${Math.round(p99)} ms, ${refused} batches refused`,
  };
}

async function peakMemory(stage: FaultScene['stage']): Promise<number> {
  const deadline = performance.now() + WATCHED_MS;
  let peak = 0;
  while (performance.now() < deadline) {
    for (const { pid } of stage.nodes) peak = Math.max(peak, pid === null ? 0 : ((await usageOf(pid))?.memoryBytes ?? 0));
    await pause(SAMPLE_MS);
  }
  return peak;
}
