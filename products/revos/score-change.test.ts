import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lowerScore } from './samples.ts';
import { scoreChange } from './schemas.ts';
import { scoreChangeOf, type Score } from './score-change.ts';

interface Change {
  readonly features: { readonly changed: { points: number }; readonly groupId: string; readonly original: { points: number } }[];
  readonly groups: { readonly id: string; readonly changed: { points: number }; readonly original: { points: number } }[];
  readonly total: { readonly changed: { points: number }; readonly original: { points: number } };
}

/** Multiples of a quarter, which add up exactly. */
const quarter = fc.integer({ min: -400, max: 400 }).map((quarters) => quarters / 4);
const featureIds = ['f1', 'f2', 'f3', 'f4', 'f5'] as const;
const groupOf = (featureId: string): string => (featureId < 'f3' ? 'g1' : 'g2');

/** Scores whose features add up to their groups, and the groups to the total. */
const score: fc.Arbitrary<Score> = fc
  .record({ points: fc.dictionary(fc.constantFrom(...featureIds), quarter), metric: fc.oneof(fc.boolean(), fc.integer(), fc.string()) })
  .map(({ points, metric }) => {
    const features = Object.entries(points).map(([id, value]) => ({
      id,
      groupId: groupOf(id),
      name: id,
      metricValue: metric,
      points: value,
      score: value > 0 ? 'high' : 'low',
      totalPoints: 100,
    }));
    const sumOf = (group: string) => features.filter(({ groupId }) => groupId === group).reduce((sum, feature) => sum + feature.points, 0);
    const groups = [...new Set(features.map(({ groupId }) => groupId))].map((id) => ({
      id,
      name: id,
      points: sumOf(id),
      score: sumOf(id) > 0 ? 'high' : 'low',
      totalPoints: 200,
    }));
    const total = groups.reduce((sum, group) => sum + group.points, 0);
    return {
      object: { id: '1', name: 'A' },
      features,
      groups,
      total: { points: total, score: total > 0 ? 'high' : 'low', totalPoints: 400 },
    };
  });

const delta = ({ changed, original }: { changed: { points: number }; original: { points: number } }) => changed.points - original.points;
const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);

describe('a change of scores', () => {
  test('RVS-08 the differences of features add up to those of their group, and those of groups to the total’s', () => {
    fc.assert(
      fc.property(score, score, (original, current) => {
        const change = scoreChangeOf(original, current) as unknown as Change | null;
        if (change === null) return;
        for (const group of ['g1', 'g2']) {
          const ofGroup = change.groups.filter(({ id }) => id === group).map(delta);
          expect(sum(change.features.filter(({ groupId }) => groupId === group).map(delta))).toBe(sum(ofGroup));
        }
        expect(sum(change.groups.map(delta))).toBe(delta(change.total));
      }),
    );
  });

  test('RVS-07 has the documented shape for any state, and only what differs', () => {
    fc.assert(
      fc.property(score, score, (original, current) => {
        const change = scoreChangeOf(original, current);
        if (change === null) return;
        expect(scoreChange.safeParse({ modelId: 'm', name: 'M', changes: [change] }).error).toBeUndefined();
        for (const part of JSON.stringify(change).matchAll(/"changed":\{[^}]*\}/g)) expect(part[0]).not.toContain('totalPoints');
        expect(scoreChangeOf(current, current)).toBeNull();
      }),
    );
  });

  test('RVS-07 a renamed object whose scores are unchanged has no entry', () => {
    const [{ object } = { object: null }] = lowerScore.changes;
    const state: Score = {
      object: { id: '123', name: 'Old' },
      features: [],
      groups: [],
      total: { points: 1, score: 'low', totalPoints: 2 },
    };
    expect(scoreChangeOf(state, { ...state, object: { ...state.object, ...object } })).toBeNull();
  });
});
