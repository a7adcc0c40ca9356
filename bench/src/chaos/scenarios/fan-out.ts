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
const REPEAT_MS = 1_000;
const SAMPLE_MS = 250;
const MAX_BYTES = 2 ** 30;
const MIB = 1_048_576;

export const fanOut: ChaosScenario = {
  name: 'fan-out',
  title: `One tenant sends ${BATCHES * EVENTS} tiny events to ${WEBHOOKS} webhooks each; the others' events count`,
  repeats: 'none',
  async run(run) {
    let peakBytes = 0;
    const problems: string[] = [];
    const fault = async (scene: FaultScene): Promise<string> => {
      const peak = await explode(scene);
      peakBytes = Math.max(peakBytes, peak.bytes);
      if (peak.taken === 0) problems.push('no batch was accepted, so nothing was tested');
      return peak.note;
    };
    const stage = { nodes: 1, endpoints: [{ kind: 'ok', ordered: true }] } as const;
    const result = await runRounds({ name: 'fan-out', rounds: 1, stage, fault }, run);
    if (peakBytes > MAX_BYTES) problems.push(`the node took ${Math.round(peakBytes / MIB)} MiB`);
    return result.kind === 'skipped' ? result : { ...result, problems: [...result.problems, ...problems] };
  },
};

async function explode({ stage, load, round, tell }: FaultScene): Promise<{ bytes: number; taken: number; note: string }> {
  const organization = `${BOMB}-${round}`;
  await stage.api.createOrganization(organization);
  for (let index = 0; index < WEBHOOKS; index++) {
    await stage.api.createWebhook(organization, { url: `${stage.receiverUrl}/void/${organization}/${index}` });
  }
  tell(`${WEBHOOKS} webhooks are there`);
  const events = Array.from({ length: EVENTS }, (_, n) => ({ type: 'bomb.sent', data: { n } }));
  const before = load.latenciesMs.length;
  const until = performance.now() + WATCHED_MS;
  const bomb = Promise.all(Array.from({ length: BATCHES }, () => sendBatch(stage, { organization, events, until })));
  const bytes = await peakMemory(stage);
  const taken = (await bomb).filter(Boolean).length;
  const p99 = percentile(
    [...load.latenciesMs.slice(before)].sort((a, b) => a - b),
    0.99,
  );
  return {
    bytes,
    taken,
    note: `peak ${Math.round(bytes / MIB)} MiB, another tenant's accept p99 ${Math.round(p99)} ms, ${taken} of ${BATCHES} batches accepted`,
  };
}

/** Repeats the batch until it is accepted, as a client does. Returns whether it was in time. */
async function sendBatch(
  stage: FaultScene['stage'],
  batch: { readonly organization: string; readonly events: readonly object[]; readonly until: number },
): Promise<boolean> {
  while (performance.now() < batch.until) {
    const accepted = await stage.api.post(`/${batch.organization}/events/batch`, { events: batch.events }).then(
      () => true,
      () => false,
    );
    if (accepted) return true;
    await pause(REPEAT_MS);
  }
  return false;
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
