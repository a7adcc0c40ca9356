import type { Check } from '../scenario.ts';
import { figuresOf, type Measurement } from '../measurement.ts';
import { mebibytes, milliseconds, table, whole } from './table.ts';

const MEASUREMENT_HEAD = [
  'run',
  'accepted/s',
  'delivered/s',
  'of the limit',
  'accept p50',
  'p99 ms',
  'delivery p50',
  'p99 ms',
  'backlog',
  'drain s',
  'settle s',
  'lost',
  'repeats',
  'refused',
];

export function measurementsTable(measurements: readonly Measurement[], limit: number): string {
  return table([
    MEASUREMENT_HEAD,
    ...measurements.map((measurement) => [
      measurement.label,
      whole(measurement.acceptedPerSecond),
      whole(measurement.deliveredPerSecond),
      (measurement.deliveredPerSecond / limit).toFixed(3),
      milliseconds(measurement.acceptLatency.p50),
      milliseconds(measurement.acceptLatency.p99),
      milliseconds(measurement.deliveryLatency.p50),
      milliseconds(measurement.deliveryLatency.p99),
      whole(measurement.backlogAtEnd),
      measurement.drainSeconds?.toFixed(2) ?? 'late',
      measurement.settleSeconds?.toFixed(2) ?? 'late',
      String(measurement.account.lost),
      String(measurement.account.repeats),
      refusals(measurement),
    ]),
  ]);
}

/** CPU and memory of each process, a line per run. */
export function processesTable(measurements: readonly Measurement[]): string {
  const names = [...new Set(measurements.flatMap((measurement) => measurement.processes.map((figures) => figures.name)))];
  return table([
    ['run', ...names.flatMap((name) => [`${name}: CPU s`, 'MiB'])],
    ...measurements.map((measurement) => [
      measurement.label,
      ...names.flatMap((name) => {
        const figures = figuresOf(measurement, name);
        return figures ? [figures.cpuSeconds.toFixed(1), mebibytes(figures.memoryBytes)] : ['', ''];
      }),
    ]),
  ]);
}

export function checksTable(checks: readonly Check[]): string {
  return table([
    ['target', 'measured', 'asked', ''],
    ...checks.map(({ what, measured, target, passed }) => [what, measured, target, passed ? 'pass' : 'FAIL']),
  ]);
}

function refusals({ statuses }: Measurement): string {
  const parts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`);
  return parts.length === 0 ? '0' : parts.join(', ');
}
