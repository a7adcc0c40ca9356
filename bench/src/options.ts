import { parseArgs } from 'node:util';

export interface Options {
  /** Names of scenarios; empty: all. */
  readonly scenarios: readonly string[];
  /** How long each measurement lasts. */
  readonly seconds: number;
  readonly connections: number;
  /** How often a node is killed. */
  readonly rounds: number;
  /** Write the results here too. */
  readonly json: string | null;
  readonly profile: boolean;
  /** The server's main module. */
  readonly server: string | null;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [scenario…] [options]

  --seconds N      length of each measurement (30)
  --connections N  of the load generator (64); single also takes twice and four times as many
  --rounds N       how often kill-9 kills a node (20)
  --json FILE      write the results there as well as into bench/results/
  --profile        profile the server and print where its time goes
  --server FILE    another main.ts, to compare two checkouts

BENCH_DATABASE_URL: a PostgreSQL to use instead of starting one; must allow CREATE DATABASE.`;

/** Throws with a sentence for people where an option is wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '30' },
      connections: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '20' },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      server: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    scenarios: positionals,
    seconds: positive('seconds', values.seconds),
    connections: positive('connections', values.connections),
    rounds: positive('rounds', values.rounds),
    json: values.json ?? null,
    profile: values.profile,
    server: values.server ?? null,
    help: values.help,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0, not "${text}".`);
  return value;
}
