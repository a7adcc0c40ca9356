import type { Bench } from './bench.ts';
import { sum } from './measure/backlog.ts';
import type { Account } from './measure/ledger.ts';
import { percentile, type Distribution } from './measure/samples.ts';
import { measureLoad, type LoadOptions } from './measure-load.ts';
import { figuresOf, type Measurement } from './measurement.ts';
import type { Stage } from './stage.ts';

export interface Contender {
  readonly stage: Stage;
  readonly load: Omit<LoadOptions, 'seconds'>;
}

/** One for each, in their order. */
type MeasurementsOf<Contenders extends readonly Contender[]> = { -readonly [Index in keyof Contenders]: Measurement };

const TURNS = 3;

/**
 * Loads stages in turns, each for a third of the time three times over, and measures the limit between the rounds: what is
 * compared, with one another or with the limit, has met the same slow minutes of the machine. One measurement for each stage.
 */
export async function measureInTurns<const Contenders extends readonly Contender[]>(
  bench: Bench,
  contenders: Contenders,
): Promise<MeasurementsOf<Contenders>> {
  const turns: Measurement[][] = contenders.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    if (turn > 0) await bench.measureLimit();
    for (const [index, { stage, load }] of contenders.entries()) {
      const { warmUpSeconds, ...rest } = load;
      // Later turns find everything used already, and need no more than to come up to speed.
      const first = turn === 0 && warmUpSeconds !== undefined ? { warmUpSeconds } : {};
      turns[index]?.push(await measureLoad(bench, stage, { ...rest, ...first, seconds: bench.options.seconds / TURNS }));
    }
  }
  return turns.map(together) as MeasurementsOf<Contenders>;
}

/** Turns of the same load as one measurement: what can be counted is added up, percentiles are those of the middle turn. */
export function together(turns: readonly Measurement[]): Measurement {
  const last = turns.at(-1);
  if (!last) throw new Error('There was no turn.');
  const seconds = sum(turns.map((turn) => turn.seconds));
  const perSecond = (rate: (turn: Measurement) => number): number => sum(turns.map((turn) => rate(turn) * turn.seconds)) / seconds;
  return {
    label: last.label,
    seconds,
    acceptedPerSecond: perSecond((turn) => turn.acceptedPerSecond),
    deliveredPerSecond: perSecond((turn) => turn.deliveredPerSecond),
    acceptLatency: latencies(turns.map((turn) => turn.acceptLatency)),
    deliveryLatency: latencies(turns.map((turn) => turn.deliveryLatency)),
    backlog: last.backlog,
    backlogAtEnd: last.backlogAtEnd,
    backlogGrowth: perSecond((turn) => turn.backlogGrowth),
    drainSeconds: slowest(turns.map((turn) => turn.drainSeconds)),
    settleSeconds: slowest(turns.map((turn) => turn.settleSeconds)),
    account: accounts(turns.map((turn) => turn.account)),
    statuses: statuses(turns),
    processes: last.processes.map(({ name, memoryBytes }) => ({
      name,
      cpuSeconds: sum(turns.map((turn) => figuresOf(turn, name)?.cpuSeconds ?? 0)),
      memoryBytes,
    })),
  };
}

function latencies(distributions: readonly Distribution[]): Distribution {
  return {
    count: sum(distributions.map((one) => one.count)),
    p50: median(distributions.map((one) => one.p50)),
    p99: median(distributions.map((one) => one.p99)),
    max: Math.max(...distributions.map((one) => one.max)),
  };
}

function accounts(all: readonly Account[]): Account {
  const total = (of: (account: Account) => number): number => sum(all.map(of));
  return {
    accepted: total((account) => account.accepted),
    unanswered: total((account) => account.unanswered),
    lost: total((account) => account.lost),
    repeats: total((account) => account.repeats),
    unexpected: total((account) => account.unexpected),
  };
}

function statuses(turns: readonly Measurement[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const turn of turns) for (const [status, count] of Object.entries(turn.statuses)) counts[status] = (counts[status] ?? 0) + count;
  return counts;
}

/** null: one of them did not end in time. */
function slowest(seconds: readonly (number | null)[]): number | null {
  return seconds.reduce((most, one) => (most === null || one === null ? null : Math.max(most, one)), 0);
}

function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
