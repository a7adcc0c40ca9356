import { serve } from '../environment/worker.ts';
import { LoadRun, type LoadCounts, type LoadPlan, type LoadWindow } from './load-run.ts';

const STOP_DEADLINE_MS = 15_000;
let run: LoadRun | null = null;

function current(): LoadRun {
  if (!run) throw new Error('No load is running.');
  return run;
}

const commands = {
  start(plan: LoadPlan): void {
    run = new LoadRun(plan);
  },
  openWindow: (): void => current().openWindow(),
  closeWindow: (): LoadWindow => current().closeWindow(),
  counts: (): LoadCounts => current().counts(),
  stop: (): Promise<LoadCounts> => current().stop(STOP_DEADLINE_MS),
  outcomes: (): Uint8Array => current().outcomes(),
};

export type LoadCommands = typeof commands;
serve(commands);
