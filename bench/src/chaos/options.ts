import { parseArgs } from 'node:util';

export interface ChaosOptions {
  /** Names of scenarios; empty: all. */
  readonly scenarios: readonly string[];
  /** How often each fault happens; null: as each scenario has it. */
  readonly rounds: number | null;
  /** What the choices follow from; null: another one each time. */
  readonly seed: number | null;
  readonly help: boolean;
}

export const USAGE = `npm run chaos -- [scenario…] [options]

  --rounds N  how often each fault happens (each scenario has its own number)
  --seed N    makes the same choices as an earlier run with that seed`;

/** Throws with a sentence for people if an option is wrong. */
export function parseOptions(args: readonly string[], known: readonly string[]): ChaosOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`There is no scenario ${unknown.join(', ')}. Choose from: ${known.join(', ')}.`);
  return { scenarios: positionals, rounds: whole('rounds', values.rounds), seed: whole('seed', values.seed), help: values.help };
}

function whole(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0, not "${text}".`);
  return value;
}
