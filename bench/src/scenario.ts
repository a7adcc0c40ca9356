import type { Bench } from './bench.ts';
import type { Measurement } from './measurement.ts';

/** Something a target is held against. */
export interface Check {
  readonly what: string;
  /** As it is to be read. */
  readonly measured: string;
  readonly target: string;
  readonly passed: boolean;
}

export interface Findings {
  readonly measurements: readonly Measurement[];
  /** Asked once the limit is known: posts a second of the bare loop, the mean of before, after, and between turns. */
  readonly checks: (limit: number) => readonly Check[];
}

/**
 * One question that the bench answers. To add one, write a file that exports a Scenario and name it in
 * `scenarios/all.ts`.
 */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<Findings>;
}

/** Checks that a figure is at least a part of the limit. */
export function ofLimit(what: string, value: number, target: { readonly limit: number; readonly atLeast: number }): Check {
  const ratio = value / target.limit;
  return { what, measured: `${ratio.toFixed(3)} of the limit`, target: `≥ ${target.atLeast}`, passed: ratio >= target.atLeast };
}

/** Checks a figure against a bound, both in the unit that `show` writes. */
export function bounded(what: string, value: number, bound: Bound): Check {
  const { show = (figure) => String(figure) } = bound;
  if (bound.atMost !== undefined) {
    return { what, measured: show(value), target: `≤ ${show(bound.atMost)}`, passed: value <= bound.atMost };
  }
  return { what, measured: show(value), target: `≥ ${show(bound.atLeast)}`, passed: value >= bound.atLeast };
}

export type Bound = { readonly show?: (figure: number) => string } & (
  | { readonly atMost: number; readonly atLeast?: undefined }
  | { readonly atLeast: number; readonly atMost?: undefined }
);
