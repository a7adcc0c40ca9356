import { z } from 'zod';

const id = z.union([z.number().int(), z.string().min(1)]);
const thing = z.looseObject({ id });

/** The data of an execution event. Only the execution and its id are required. Other fields are accepted too. */
export const execution = z.looseObject({
  execution: thing,
  goal: thing.nullable().optional(),
  project: thing.nullable().optional(),
  snapshot: thing.nullable().optional(),
  organization: thing.nullable().optional(),
});
