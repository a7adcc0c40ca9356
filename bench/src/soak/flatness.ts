import { mean } from '../measure/backlog.ts';
import { mebibytes, whole } from '../report/table.ts';
import { bounded, type Check } from '../scenario.ts';
import type { Hold, Minute } from './minute.ts';

const MIB = 1_048_576;
/** Parts of the asked rate, of earlier memory, of earlier bytes an event. */
const WORST_RATE = 0.9;
const MEMORY_GROWTH = 1.25;
/** Room for young objects comes and goes with full garbage collections. */
const MEMORY_SWING_BYTES = 96 * MIB;
const BYTES_GROWTH = 1.15;
/** What tables without history may still grow by after the transaction has ended. */
const OTHER_GROWTH_BYTES = 8 * MIB;

/** Holds the minutes of a run against one another: what is flat, and what grows. */
export function flatness(minutes: readonly Minute[], { rate, hold }: { readonly rate: number; readonly hold: Hold }): Check[] {
  const before = minutes.filter(({ number }) => number > 1 && number <= hold.after);
  const after = minutes.filter(({ number }) => number > hold.until + 1);
  return [
    worstRate(minutes, rate),
    ...memory(before, after),
    historyPerEvent(before, after),
    otherTables(after),
    bounded('rows waiting at the end of a minute, most', Math.max(...minutes.map(({ waitingRows }) => waitingRows)), { atMost: rate }),
  ];
}

function worstRate(minutes: readonly Minute[], rate: number): Check {
  const worst = Math.min(...minutes.map(({ deliveredPerSecond }) => deliveredPerSecond));
  return bounded('delivered a second, worst minute', worst, { atLeast: rate * WORST_RATE, show: whole });
}

function memory(before: readonly Minute[], after: readonly Minute[]): Check[] {
  const names = Object.keys(before[0]?.memoryBytes ?? {});
  return names.map((name) => {
    const of = (minutes: readonly Minute[]): number => mean(minutes.map(({ memoryBytes }) => memoryBytes[name] ?? 0));
    const show = (bytes: number): string => `${mebibytes(bytes)} MiB`;
    return bounded(`memory of ${name} after the transaction, mean`, of(after), {
      atMost: of(before) * MEMORY_GROWTH + MEMORY_SWING_BYTES,
      show,
    });
  });
}

function historyPerEvent(before: readonly Minute[], after: readonly Minute[]): Check {
  const show = (bytes: number): string => `${whole(bytes)} bytes`;
  const bound = bytesPerEvent(before) * BYTES_GROWTH;
  return bounded('history a stored event takes, after the transaction', bytesPerEvent(after), { atMost: bound, show });
}

/** Of what was stored between the first and the last of the minutes. */
function bytesPerEvent(minutes: readonly Minute[]): number {
  const [first, last] = [minutes[0], minutes.at(-1)];
  if (!first || !last || last.events === first.events) return 0;
  return (last.historyBytes - first.historyBytes) / (last.events - first.events);
}

function otherTables(after: readonly Minute[]): Check {
  const growth = (after.at(-1)?.otherBytes ?? 0) - (after[0]?.otherBytes ?? 0);
  const show = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
  return bounded('growth of all other tables after the transaction', growth, { atMost: OTHER_GROWTH_BYTES, show });
}
