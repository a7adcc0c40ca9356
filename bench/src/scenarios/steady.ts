import type { Measurement } from '../measurement.ts';
import { bounded, type Check } from '../scenario.ts';

/** A backlog may grow by this part of the rate and still count as noise. */
const GROWTH_PART = 0.01;

/** What every run has to show: the backlog did not grow, and what was accepted arrived, once, and was recorded. */
export function steady(measurement: Measurement): Check[] {
  const { label, backlogGrowth, deliveredPerSecond, backlogAtEnd, drainSeconds } = measurement;
  const bound = deliveredPerSecond * GROWTH_PART;
  return [
    {
      what: `${label}: backlog not growing`,
      measured: `${Math.round(backlogGrowth)}/s, ${backlogAtEnd} at the end, drained in ${seconds(drainSeconds)}`,
      target: `≤ ${Math.round(bound)}/s`,
      passed: backlogGrowth <= bound,
    },
    ...complete(measurement),
  ];
}

/** What was accepted arrived, once, and was recorded. */
export function complete({ label, account, settleSeconds }: Measurement): Check[] {
  return [
    bounded(`${label}: accepted, not delivered`, account.lost, { atMost: 0 }),
    bounded(`${label}: delivered more than once`, account.repeats, { atMost: 0 }),
    { what: `${label}: recorded`, measured: seconds(settleSeconds), target: 'all', passed: settleSeconds !== null },
  ];
}

function seconds(value: number | null): string {
  return value === null ? 'not in time' : `${value.toFixed(2)} s`;
}
