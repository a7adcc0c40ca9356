import { sameJson, type Json, type JsonObject } from '@posthorn/sdk';
import type { z } from 'zod';
import type { score } from './schemas.ts';

export type Score = z.output<typeof score>;
type Feature = Score['features'][number];
type Group = Score['groups'][number];

/** Returns the scores of an object that differ, with their values before and after; null if none does. */
export function scoreChangeOf(original: Score, current: Score): JsonObject | null {
  const features = pairs(original.features, current.features, goneFeature).filter(([before, after]) => differs(before, after));
  const groups = pairs(original.groups, current.groups, goneGroup).filter(([before, after]) => differs(before, after));
  if (features.length === 0 && groups.length === 0 && !differs(original.total, current.total)) return null;
  return {
    object: current.object as JsonObject,
    features: features.map(([before, after]) => ({
      changed: { metricValue: after.metricValue, points: after.points, score: after.score },
      groupId: after.groupId,
      id: after.id,
      name: after.name,
      original: { metricValue: before.metricValue, points: before.points, score: before.score, totalPoints: before.totalPoints },
    })),
    groups: groups.map(([before, after]) => ({
      changed: { points: after.points, score: after.score },
      id: after.id,
      name: after.name,
      original: { points: before.points, score: before.score, totalPoints: before.totalPoints },
    })),
    total: {
      changed: { points: current.total.points, score: current.total.score },
      original: { points: original.total.points, score: original.total.score, totalPoints: original.total.totalPoints },
    },
  };
}

/**
 * Pairs each part before and after, in the current order; removed parts follow. A new or removed part has no points on
 * the other side, so that the differences add up.
 */
function pairs<Part extends { readonly id: string }>(
  before: readonly Part[],
  after: readonly Part[],
  gone: (part: Part) => Part,
): [Part, Part][] {
  const known = new Map(before.map((part) => [part.id, part]));
  const now = new Set(after.map((part) => part.id));
  return [
    ...after.map((part): [Part, Part] => [known.get(part.id) ?? gone(part), part]),
    ...before.filter((part) => !now.has(part.id)).map((part): [Part, Part] => [part, gone(part)]),
  ];
}

function goneFeature(feature: Feature): Feature {
  return { ...feature, metricValue: null, points: 0, score: null };
}

function goneGroup(group: Group): Group {
  return { ...group, points: 0, score: null };
}

interface Scored {
  readonly points: number;
  readonly score: string | null;
  readonly metricValue?: Json;
}

function differs(before: Scored, after: Scored): boolean {
  return !sameJson(before.points, after.points) || before.score !== after.score || !sameJson(before.metricValue, after.metricValue);
}
