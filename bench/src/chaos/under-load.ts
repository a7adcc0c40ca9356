import { ROOT_KEY } from '../environment/posthorn.ts';
import { ChaosStage, type ChaosStageOptions } from './chaos-stage.ts';
import { Load } from './load.ts';
import type { ChaosResult, ChaosRun, ChaosScenario } from './scenario.ts';
import { settle, type Settlement } from './settle.ts';
import { pause } from './waiting.ts';

export interface FaultScene {
  readonly stage: ChaosStage;
  readonly load: Load;
  readonly random: () => number;
  /** From 1 on. */
  readonly round: number;
  /** Prints what happens now. */
  readonly tell: (line: string) => void;
}

/** What happens to a stage under load. */
export interface FaultPlan {
  readonly name: string;
  readonly rounds: number;
  readonly stage: Pick<ChaosStageOptions, 'nodes' | 'postgres' | 'endpoints'>;
  readonly padBytes?: number;
  /** Makes the fault happen once and ends it, while the load runs. What it returns is printed at the end. */
  fault(scene: FaultScene): Promise<string | void>;
}

/** Events a second. */
const RATE = 120;
const SUBJECTS = 2;
const EXAMPLES = 5;
const LOAD_MS = 2_000;

/** A scenario that is nothing more than its plan. */
export function underLoad({ title, repeats, ...plan }: FaultPlan & Pick<ChaosScenario, 'title' | 'repeats'>): ChaosScenario {
  return { name: plan.name, title, repeats, run: (run) => runRounds(plan, run) };
}

/** Lets the fault happen under load, again and again; after each round everything has to be there. */
export async function runRounds(plan: FaultPlan, run: ChaosRun): Promise<ChaosResult> {
  const { name } = plan;
  await using stage = await ChaosStage.open({ name, folder: run.folder, ...plan.stage });
  const accepted = new Set<string>();
  const notes: string[] = [];
  const problems: string[] = [];
  const sums = { lost: 0, stuck: 0, turnedAway: 0 };
  let last: Settlement | null = null;
  let round = 0;
  while (round < (run.rounds ?? plan.rounds) && problems.length === 0) {
    round++;
    await using load = startLoad(plan, stage, round);
    await pause(LOAD_MS);
    const note = await plan.fault({ stage, load, random: run.random, round, tell: run.tell });
    if (note) notes.push(note);
    await pause(LOAD_MS);
    const end = await load.stop();
    for (const id of end.accepted) accepted.add(id);
    sums.turnedAway += end.refused + end.unanswered;
    const stopped = performance.now();
    last = await settle(stage, accepted);
    const seconds = ((performance.now() - stopped) / 1000).toFixed(1);
    sums.lost += last.lost;
    sums.stuck += last.stuck;
    problems.push(...last.examples.map((example) => `missing in round ${round}: ${example}`));
    const { repeats, outOfOrder } = last.reckoning;
    problems.push(...outOfOrder.slice(0, EXAMPLES).map((late) => `out of order in round ${round}: ${late}`));
    run.tell(
      `round ${round}: ${accepted.size} accepted, ${repeats} repeats, ${sums.lost} lost, ${sums.stuck} stuck, ${outOfOrder.length} out of order; settled in ${seconds} s`,
    );
  }
  if (last === null) return { kind: 'skipped', reason: 'no rounds were asked for' };
  const { expected, delivered, repeats, outOfOrder } = last.reckoning;
  return {
    kind: 'ran',
    rounds: round,
    accepted: accepted.size,
    expected,
    delivered,
    repeats,
    outOfOrder: outOfOrder.length,
    ...sums,
    notes,
    problems,
  };
}

function startLoad({ padBytes = 200 }: FaultPlan, stage: ChaosStage, round: number): Load {
  return new Load({
    nodes: () => stage.nodes.map(({ url }) => url),
    rootKey: ROOT_KEY,
    organizations: stage.organizations,
    subjects: SUBJECTS,
    rate: RATE,
    padBytes,
    name: `round-${round}`,
  });
}
