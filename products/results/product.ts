import { defineProduct } from '@posthorn/sdk';
import { goal, goalUpdate } from './schemas.ts';

const revenue = {
  goal: { id: 'revenue', name: 'Revenue', direction: 'maximize', timeZone: null, goodThreshold: '450000', badThreshold: '300000' },
} as const;

/**
 * RESULTS.com: goals that other systems update by posting `{date, value, goodThreshold?, badThreshold?}` to an inbound
 * hook, and events for their changes.
 */
export const results = defineProduct({
  name: 'results',
  title: 'RESULTS.com',
  inbound: { targets: ['goal'] },
  events: {
    'goal.created': { group: 'Goals', description: 'A goal was created.', schema: goal, sample: revenue },
    'goal.updated': {
      group: 'Goals',
      description: 'A goal received a value, or its thresholds or settings changed.',
      schema: goalUpdate,
      sample: {
        goal: { id: 'revenue', name: 'Revenue', direction: 'maximize', timeZone: null },
        point: { date: '2017-03-16', value: '500000', previousValue: null, colour: 'green' },
        colour: { before: 'amber', after: 'green' },
        thresholds: { before: { good: '450000', bad: '300000' }, after: { good: '450000', bad: '300000' } },
      },
    },
    'goal.deleted': { group: 'Goals', description: 'A goal was deleted.', schema: goal, sample: revenue },
  },
});
