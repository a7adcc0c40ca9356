import type { z } from 'zod';
import type { scoreChange } from './schemas.ts';

const PRODUCT_USAGE = '7b5498bb-72b2-437e-892a-a269694015a0';

/** A company whose onboarding is no longer complete. */
export const lowerScore = {
  modelId: '7b5498bb-72b2-437e-892a-a269694015dd',
  name: 'Model Name',
  changes: [
    {
      object: { id: '123', name: 'My company name', someColumnName: 'Some column value' },
      features: [
        {
          changed: { metricValue: false, points: 0, score: 'low' },
          groupId: PRODUCT_USAGE,
          id: '3c54259d-3ae5-4c38-b6d2-2d61bae8ce2e',
          name: 'Onboarding Completed',
          original: { metricValue: true, points: 15, score: 'high', totalPoints: 15 },
        },
      ],
      groups: [
        {
          changed: { points: 20, score: 'medium' },
          id: PRODUCT_USAGE,
          name: 'Product Usage',
          original: { points: 35, score: 'high', totalPoints: 35 },
        },
      ],
      total: { changed: { points: 57.5, score: 'medium' }, original: { points: 72.5, score: 'high', totalPoints: 100 } },
    },
  ],
} satisfies z.input<typeof scoreChange>;
