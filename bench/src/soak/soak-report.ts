import { mebibytes, milliseconds, table, whole } from '../report/table.ts';
import type { Minute } from './minute.ts';

const HEAD = [
  'minute',
  'accepted/s',
  'delivered/s',
  'accept p99 ms',
  'delivery p99 ms',
  'history MiB',
  'other tables MiB',
  'waiting',
  'transaction',
];

/** A line for each minute, as it ends. */
export function minuteLine(minute: Minute): string {
  return table([cells(minute)]);
}

/** The minutes as a table in Markdown, for the documentation. */
export function markdownTable(minutes: readonly Minute[]): string {
  const names = Object.keys(minutes[0]?.memoryBytes ?? {});
  const head = [...HEAD, ...names.map((name) => `${name} MiB`)];
  return [head, head.map(() => '---'), ...minutes.map(cells)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export function heading({ memoryBytes }: Minute): string {
  return [...HEAD, ...Object.keys(memoryBytes).map((name) => `${name} MiB`)].join('  ');
}

function cells(minute: Minute): string[] {
  return [
    String(minute.number),
    whole(minute.acceptedPerSecond),
    whole(minute.deliveredPerSecond),
    milliseconds(minute.acceptP99Us),
    milliseconds(minute.deliveryP99Us),
    mebibytes(minute.historyBytes),
    (minute.otherBytes / 1_048_576).toFixed(1),
    whole(minute.waitingRows),
    minute.transactionHeld ? 'held' : '',
    ...Object.values(minute.memoryBytes).map(mebibytes),
  ];
}
