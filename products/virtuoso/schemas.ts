import { z } from 'zod';

const id = z.union([z.number().int(), z.string().min(1)]);
const thing = z.looseObject({ id });

/** What an execution event tells. Only the execution and its id must be there; further fields pass. */
export const execution = z.looseObject({
  execution: thing,
  goal: thing.nullable().optional(),
  project: thing.nullable().optional(),
  snapshot: thing.nullable().optional(),
  organization: thing.nullable().optional(),
});
