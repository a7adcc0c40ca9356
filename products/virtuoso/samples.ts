import type { z } from 'zod';
import type { execution } from './schemas.ts';

/** A finished execution. */
export const finishedExecution = {
  execution: {
    id: 904311,
    status: 'FINISHED',
    outcome: 'FAIL',
    goalId: 8519,
    snapshotId: 28737,
    projectId: 4889,
    submitDate: 1704873600000,
    startDate: 1704873605000,
    endDate: 1704873725000,
    tags: ['Automated'],
    journeyStatistics: { outcome: 'FAIL', totalDuration: 120000 },
  },
  goal: { id: 8519, name: 'Checkout regression', projectId: 4889 },
  project: { id: 4889, name: 'Web shop' },
  snapshot: { id: 28737, goalId: 8519 },
} satisfies z.input<typeof execution>;
