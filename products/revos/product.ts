import { defineProduct, standardWebhooks } from '@posthorn/sdk';
import { lowerScore } from './samples.ts';
import { model, score, scoreChange } from './schemas.ts';
import { scoreChangeOf, type Score } from './score-change.ts';

/**
 * RevOS: the scores of a model's objects are stored. Once a day, each model with changes emits one event that shows
 * them before and after.
 */
export const revos = defineProduct({
  name: 'revos',
  title: 'RevOS',
  events: {
    'model.scoreChange': {
      group: 'Models',
      description: 'Scores of a model have changed since yesterday.',
      schema: scoreChange,
      sample: lowerScore,
    },
  },
  objects: {
    model: { schema: model },
    /** The scores of one object in one model. The scope is `model:<id>`. */
    score: { schema: score, scoped: true },
  },
  digests: {
    daily: {
      event: 'model.scoreChange',
      kind: 'score',
      at: '07:00',
      timeZone: 'Europe/Berlin',
      entry: ({ original, current }) => scoreChangeOf(original as Score, current as Score),
      data: ({ scope, about }, changes) => ({
        modelId: scope?.replace(/^model:/, '') ?? '',
        name: about?.state['name'] ?? '',
        changes: [...changes],
      }),
    },
  },
  context: (_type, { modelId }) => (typeof modelId === 'string' ? { scope: `model:${modelId}` } : {}),
  envelope: ({ type, data }) => ({ eventType: type, payload: data }),
  delivery: {
    url: 'http-or-https',
    success: { status: '2xx', bodyContains: null },
    timeoutMs: 30_000,
    disableAfterMs: null,
    signatures: [standardWebhooks()],
  },
});
