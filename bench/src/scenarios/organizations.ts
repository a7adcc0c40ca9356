import { organizationId } from '../load/request-template.ts';
import type { WebhookInput } from '../environment/api.ts';
import type { Stage } from '../stage.ts';

/** Makes organizations through the API, each with its webhooks. */
export async function makeOrganizations(
  stage: Stage,
  count: number,
  webhooks: (organization: number) => readonly WebhookInput[],
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const id = organizationId(index);
    await stage.api.createOrganization(id);
    for (const webhook of webhooks(index)) await stage.api.createWebhook(id, webhook);
  }
}
