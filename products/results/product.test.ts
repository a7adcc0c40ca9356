import { DEFAULT_POLICY, resolvePolicy } from '@posthorn/protocol';
import { describe, expect, test } from 'vitest';
import { results } from './product.ts';
import { goalUpdate } from './schemas.ts';

describe('the RESULTS.com product', () => {
  test('RES-11: accepts goals only', () => {
    expect(results.inbound?.targets).toEqual(['goal']);
  });

  test('RES-10: emits events for goals with their colour before and after', () => {
    expect(Object.keys(results.events)).toEqual(['goal.created', 'goal.updated', 'goal.deleted']);
    expect(goalUpdate.parse(results.events['goal.updated'].sample)).toMatchObject({ colour: { before: 'amber', after: 'green' } });
  });

  test('delivers by the default policy', () => {
    expect(resolvePolicy(results)).toEqual(DEFAULT_POLICY);
  });
});
