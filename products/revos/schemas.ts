import { z } from 'zod';

const level = z.string().nullable();
/** Points may be fractions and are never rounded. */
const points = z.number();
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const original = z.looseObject({ points, score: level, totalPoints: points });
const changed = z.looseObject({ points, score: level });

/** A model. */
export const model = z.looseObject({ name: z.string() });

/** The scores of an object (a company, a contact, …) in a model. Other columns of the object are accepted too. */
export const score = z.looseObject({
  object: z.looseObject({ id: z.string(), name: z.string() }),
  features: z.array(
    z.looseObject({
      id: z.string(),
      groupId: z.string(),
      name: z.string(),
      metricValue: scalar,
      points,
      score: level,
      totalPoints: points,
    }),
  ),
  groups: z.array(z.looseObject({ id: z.string(), name: z.string(), points, score: level, totalPoints: points })),
  total: z.looseObject({ points, score: level, totalPoints: points }),
});

/** The changes of a model's scores in a day. */
export const scoreChange = z.looseObject({
  modelId: z.string(),
  name: z.string(),
  changes: z.array(
    z.looseObject({
      object: z.looseObject({ id: z.string(), name: z.string() }),
      features: z.array(
        z.looseObject({
          changed: changed.extend({ metricValue: scalar }),
          groupId: z.string(),
          id: z.string(),
          name: z.string(),
          original: original.extend({ metricValue: scalar }),
        }),
      ),
      groups: z.array(z.looseObject({ changed, id: z.string(), name: z.string(), original })),
      total: z.looseObject({ changed, original }),
    }),
  ),
});
