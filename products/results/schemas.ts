import { z } from 'zod';

/** A decimal as text: most JSON parsers would lose digits of a number. */
const decimal = z.string().regex(/^-?\d+(\.\d+)?$/);
const thresholds = z.object({ good: decimal.nullable(), bad: decimal.nullable() });
const colour = z.enum(['green', 'amber', 'red']).nullable();
const direction = z.enum(['maximize', 'minimize']);

/** A goal with its settings. */
export const goal = z.object({
  goal: z.object({
    id: z.string(),
    name: z.string(),
    direction,
    timeZone: z.string().nullable(),
    goodThreshold: decimal.nullable(),
    badThreshold: decimal.nullable(),
  }),
});

/** What changed of a goal: a point, its thresholds, its settings. */
export const goalUpdate = z.object({
  goal: z.object({ id: z.string(), name: z.string(), direction, timeZone: z.string().nullable() }),
  point: z.object({ date: z.iso.date(), value: decimal, previousValue: decimal.nullable(), colour }).nullable(),
  colour: z.object({ before: colour, after: colour }),
  thresholds: z.object({ before: thresholds, after: thresholds }),
});
