import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import promisedTimers from 'node:timers/promises';
import type { SimulatedProcess } from './simulated-process.ts';
import { TimerQueue, type VirtualTimer } from './timer-queue.ts';

type Callback = (...args: unknown[]) => void;

const realImmediate = setImmediate;
const GLOBALS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'] as const;
const START = Date.parse('2026-03-01T12:00:00Z');

/**
 * Time that passes only when the simulation advances it. While installed, it replaces the global timers, `Date.now` and
 * `performance.now`. Each timer runs in the process that set it.
 */
export class VirtualTime {
  readonly #queue = new TimerQueue();
  readonly #context = new AsyncLocalStorage<SimulatedProcess | null>();
  #now = START;
  #sequence = 0;

  /** The true time, in milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** The time since the start, in milliseconds. */
  get elapsed(): number {
    return this.#now - START;
  }

  /** The time on the clock of a process. */
  clockOf(process: SimulatedProcess): number {
    return Math.floor(this.#now) + process.clockOffset;
  }

  /** Runs a function in a process. */
  as<Result>(process: SimulatedProcess | null, run: () => Result): Result {
    return this.#context.run(process, run);
  }

  after(delayMs: number, process: SimulatedProcess | null, run: () => void): VirtualTimer {
    const timer = { run, process, at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, isCancelled: false };
    this.#queue.add(timer);
    return timer;
  }

  wait(delayMs: number, process: SimulatedProcess | null = null): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, process, resolve));
  }

  /** Advances time up to a moment, or until `isOver`. */
  async runUntil(elapsed: number, isOver: () => boolean = () => false): Promise<void> {
    const end = START + elapsed;
    await settled();
    for (let timer = this.#queue.first; timer && timer.at <= end && !isOver(); timer = this.#queue.first) {
      this.#queue.shift();
      if (this.#run(timer)) await settled();
    }
    if (!isOver()) this.#now = Math.max(this.#now, end);
  }

  /** Returns whether it ran. */
  #run(timer: VirtualTimer): boolean {
    const { process } = timer;
    if (timer.isCancelled || process?.isDead) return false;
    if (process && process.frozenUntil > timer.at) {
      timer.at = process.frozenUntil;
      this.#queue.add(timer);
      return false;
    }
    this.#now = Math.max(this.#now, timer.at);
    this.as(process, timer.run);
    return true;
  }

  /** Replaces the global timers and clocks. Returns a function that restores the real ones. */
  install(): () => void {
    const restore = GLOBALS.map((name) => replace(globalThis, name, this.#globals()[name]));
    restore.push(replace(Date, 'now', () => Math.floor(this.#now) + (this.#context.getStore()?.clockOffset ?? 0)));
    restore.push(replace(performance, 'now', () => this.elapsed));
    restore.push(replace(promisedTimers, 'setTimeout', (delayMs = 0, value?: unknown) => this.#waitIn(delayMs, value)));
    // Also updates what was imported by name.
    syncBuiltinESMExports();
    return () => {
      for (const step of restore.toReversed()) step();
      syncBuiltinESMExports();
    };
  }

  /** Like `setTimeout` of `node:timers/promises`, without its signal. */
  #waitIn<Value>(delayMs: number, value: Value): Promise<Value> {
    const process = this.#context.getStore() ?? null;
    return new Promise((resolve) => this.after(Math.max(1, delayMs), process, () => resolve(value)));
  }

  #globals(): Record<(typeof GLOBALS)[number], unknown> {
    const current = (): SimulatedProcess | null => this.#context.getStore() ?? null;
    const clear = (handle: unknown): void => {
      if (handle instanceof Handle) handle.cancel();
    };
    return {
      setTimeout: (run: Callback, delayMs = 0, ...args: unknown[]) =>
        new Handle(this.after(Math.max(1, delayMs), current(), () => run(...args))),
      clearTimeout: clear,
      setInterval: (run: Callback, delayMs = 0, ...args: unknown[]) => {
        const process = current();
        const handle: Handle = new Handle(null);
        const next = (): void =>
          handle.set(
            this.after(Math.max(1, delayMs), process, () => {
              next();
              run(...args);
            }),
          );
        next();
        return handle;
      },
      clearInterval: clear,
      setImmediate: (run: Callback, ...args: unknown[]) => new Handle(this.after(0, current(), () => run(...args))),
      clearImmediate: clear,
    };
  }
}

/** The return value of `setTimeout` and the others. */
class Handle {
  #timer: VirtualTimer | null;

  constructor(timer: VirtualTimer | null) {
    this.#timer = timer;
  }

  set(timer: VirtualTimer): void {
    this.#timer = timer;
  }

  cancel(): void {
    if (this.#timer) this.#timer.isCancelled = true;
  }

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }
}

function replace(target: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(target, name, own);
    else Reflect.deleteProperty(target, name);
  };
}

/** Resolves when all promises that can be settled now have been. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    realImmediate(resolve);
  });
}
