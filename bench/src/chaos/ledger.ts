import { eventOf } from './event-id.ts';

/** What a run accepted and what its receiver got. */
export interface Books {
  /** Ids of the accepted events. */
  readonly accepted: ReadonlySet<string>;
  /** Paths of the webhooks that get the events of an organization. */
  readonly pathsOf: (organization: string) => readonly string[];
  /** Ids in the order of arrival, by path; with every repeat. */
  readonly arrivals: ReadonlyMap<string, readonly string[]>;
  /** Whether deliveries to a path have to keep the order of each subject. */
  readonly isOrdered: (path: string) => boolean;
}

export interface Reckoning {
  readonly accepted: number;
  /** Deliveries that have to arrive. */
  readonly expected: number;
  readonly delivered: number;
  /** Arrivals of a delivery beyond the first. */
  readonly repeats: number;
  /** First arrivals that came after one of a later event of the same subject, as `path id after sequence`. */
  readonly outOfOrder: readonly string[];
  /** What has not arrived, as `path id`. */
  readonly missing: readonly string[];
}

/** Compares what was accepted with what arrived, delivery by delivery. */
export function reckon({ accepted, pathsOf, arrivals, isOrdered }: Books): Reckoning {
  const missing: string[] = [];
  let expected = 0;
  let repeats = 0;
  const outOfOrder: string[] = [];
  const first = new Map<string, Set<string>>();
  for (const [path, ids] of arrivals) {
    const distinct = new Set(ids);
    first.set(path, distinct);
    repeats += ids.length - distinct.size;
    if (isOrdered(path)) outOfOrder.push(...lateOnes(distinct).map((late) => `${path} ${late}`));
  }
  for (const id of accepted) {
    for (const path of pathsOf(eventOf(id).organization)) {
      expected++;
      if (!first.get(path)?.has(id)) missing.push(`${path} ${id}`);
    }
  }
  return { accepted: accepted.size, expected, delivered: expected - missing.length, repeats, outOfOrder, missing };
}

function lateOnes(ids: Iterable<string>): string[] {
  const last = new Map<string, number>();
  const late: string[] = [];
  for (const id of ids) {
    const { subject, sequence } = eventOf(id);
    const before = last.get(subject) ?? 0;
    if (sequence < before) late.push(`${id} after ${before}`);
    last.set(subject, Math.max(before, sequence));
  }
  return late;
}
