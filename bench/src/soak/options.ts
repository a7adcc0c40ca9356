import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly minutes: number;
  /** The part of what a closed loop reaches that is sent. */
  readonly load: number;
  /** Events a second; null: as `load` says. */
  readonly rate: number | null;
  readonly help: boolean;
}

export const USAGE = `npm run soak -- [options]

  --minutes N  how long the load lasts (60); a third of it, 20 minutes at most, a transaction is held open
  --load N     part of the measured full rate that is sent (0.7)
  --rate N     events a second, instead of a part of the full rate

BENCH_DATABASE_URL: a PostgreSQL to use instead of starting one; must allow CREATE DATABASE.`;

const MIN_MINUTES = 6;

/** Throws with a sentence for people if an option is wrong. */
export function parseOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '60' },
      load: { type: 'string', default: '0.7' },
      rate: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!Number.isInteger(minutes) || minutes < MIN_MINUTES) {
    throw new Error(`--minutes must be a whole number, ${MIN_MINUTES} or more, not "${values.minutes}".`);
  }
  const load = Number(values.load);
  if (!(load > 0 && load <= 1)) throw new Error(`--load must be above 0 and at most 1, not "${values.load}".`);
  const rate = values.rate === undefined ? null : Number(values.rate);
  if (rate !== null && !(Number.isInteger(rate) && rate > 0))
    throw new Error(`--rate must be a whole number above 0, not "${values.rate}".`);
  return { minutes, load, rate, help: values.help };
}
