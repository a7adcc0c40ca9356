/** What a scenario is given. */
export interface ChaosRun {
  /** How often its fault happens; null: as often as the scenario has it by default. */
  readonly rounds: number | null;
  readonly random: () => number;
  /** For logs. */
  readonly folder: string;
  /** Prints a line about what happens now. */
  readonly tell: (line: string) => void;
}

export interface ChaosFigures {
  readonly kind: 'ran';
  readonly rounds: number;
  /** Events. */
  readonly accepted: number;
  /** Deliveries that had to arrive, and those that did without a restart of all nodes. */
  readonly expected: number;
  readonly delivered: number;
  readonly repeats: number;
  /** Never arrived, even after a restart of all nodes. */
  readonly lost: number;
  /** Arrived after a restart of all nodes only, or were not recorded. */
  readonly stuck: number;
  readonly outOfOrder: number;
  /** Requests of the load that were answered with an error or not at all, and were repeated. */
  readonly turnedAway: number;
  /** What else is worth knowing. */
  readonly notes: readonly string[];
  /** What else is wrong; each fails the run. */
  readonly problems: readonly string[];
}

export type ChaosResult = ChaosFigures | { readonly kind: 'skipped'; readonly reason: string };

/** Whether a delivery may arrive twice: only if a process ends, or freezes for longer than its lease, while it sends. */
export type Repeats = 'allowed' | 'none';

/** To add one, write a file that exports a ChaosScenario and name it in `scenarios/all.ts`. */
export interface ChaosScenario {
  readonly name: string;
  readonly title: string;
  readonly repeats: Repeats;
  run(run: ChaosRun): Promise<ChaosResult>;
}

/** Returns what is wrong with a result; nothing: it passed. */
export function failures({ repeats }: Pick<ChaosScenario, 'repeats'>, result: ChaosResult): string[] {
  if (result.kind === 'skipped') return [];
  const wrong = [...result.problems];
  if (result.accepted === 0) wrong.push('nothing was accepted');
  if (result.lost > 0) wrong.push(`${result.lost} lost`);
  if (result.stuck > 0) wrong.push(`${result.stuck} stuck`);
  if (result.outOfOrder > 0) wrong.push(`${result.outOfOrder} out of order`);
  if (repeats === 'none' && result.repeats > 0) wrong.push(`${result.repeats} repeats`);
  return wrong;
}
