import type { ChaosScenario } from '../scenario.ts';
import { runRounds, type FaultScene } from '../under-load.ts';
import { pause } from '../waiting.ts';

const WEBHOOKS = 60;
const EVENTS = 100;
const TIMEOUT_MS = 10_000;
const HANGING_MS = 15_000;
const FAILED = `
  SELECT count(*)::int AS count FROM deliveries AS delivery JOIN webhooks ON webhooks.id = delivery.webhook_id
  WHERE delivery.attempt_count > 1 AND webhooks.url NOT LIKE '%/hang/%'`;

export const sharedOrigin: ChaosScenario = {
  name: 'shared-origin',
  title: `${WEBHOOKS} webhooks of one tenant hang at the origin that the others' webhooks share`,
  repeats: 'none',
  async run(run) {
    const stage = { nodes: 1, endpoints: [{ kind: 'ok', ordered: true }] } as const;
    const problems: string[] = [];
    const fault = async (scene: FaultScene): Promise<void> => {
      await hang(scene);
      const [failed] = await scene.stage.database.query<{ count: number }>(FAILED);
      if (failed && failed.count > 0) problems.push(`${failed.count} deliveries of the others failed`);
    };
    const result = await runRounds({ name: 'shared-origin', rounds: 1, stage, fault }, run);
    return result.kind === 'skipped' ? result : { ...result, problems: [...result.problems, ...problems] };
  },
};

async function hang({ stage, round, tell }: FaultScene): Promise<void> {
  const organization = `hanging-${round}`;
  await stage.api.createOrganization(organization);
  for (let index = 0; index < WEBHOOKS; index++) {
    const url = `${stage.receiverUrl}/hang/${organization}/${index}`;
    await stage.api.createWebhook(organization, { url, timeoutMs: TIMEOUT_MS });
  }
  const events = Array.from({ length: EVENTS }, (_, n) => ({ type: 'hanging.sent', data: { n } }));
  await stage.api.post(`/${organization}/events/batch`, { events });
  tell(`${EVENTS * WEBHOOKS} deliveries hang`);
  await pause(HANGING_MS);
}
