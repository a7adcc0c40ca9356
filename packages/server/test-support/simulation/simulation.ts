import { defaultEnvelope, type ProductDefinition } from '@posthorn/protocol';
import { Catalog } from '../../src/catalog/catalog.ts';
import { emit, setWebhookStatus } from './callers.ts';
import { FAULTS, USUAL, type Command } from './commands.ts';
import type { Violation } from './invariants.ts';
import { SeededRandom } from './random.ts';
import { VirtualTime } from './virtual-time.ts';
import { PRODUCT_NAME, World } from './world.ts';

export interface SimulationOptions {
  /** Called with a line for each event of the run. */
  readonly trace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Which kinds of faults the run had. */
  readonly faults: readonly string[];
  readonly emitted: number;
  readonly attempts: number;
  readonly simulatedMs: number;
}

const PRODUCT: ProductDefinition = { name: PRODUCT_NAME, anyEvent: true, events: {}, envelope: defaultEnvelope };
const catalog = Catalog.load([PRODUCT]);
/** Maximum time until everything has ended after the end of the faults. */
const PATIENCE_MS = 600_000;
/** A further period in which nothing may be sent again. */
const SILENCE_MS = 4_000;
const MAX_VIOLATIONS = 20;

/** Runs one simulation, which is determined by its seed. */
export async function simulate(seed: number, { trace }: SimulationOptions = {}): Promise<SimulationResult> {
  const loaded = await catalog;
  const time = new VirtualTime();
  const restore = time.install();
  const violations: Violation[] = [];
  const faults: Error[] = [];
  const random = new SeededRandom(seed);
  const say = trace ? (text: string) => trace(`${(time.elapsed / 1_000).toFixed(3).padStart(9)}  ${text}`) : null;
  try {
    const world = new World({
      catalog: loaded,
      time,
      random: random.fork(),
      nodes: random.integer(1, 3),
      walWriterMs: random.pick([200, 10_000]),
      maxCommitMs: random.pick([5, 5, 300, 3_000]),
      onFault: (error) => faults.push(error),
      onViolation: (violation) => {
        violations.push(violation);
        say?.(`VIOLATION of ${violation.invariant}: ${violation.message}`);
      },
      trace: say,
    });
    const scenario = new Scenario(world, random, () => faults.length > 0 || violations.length >= MAX_VIOLATIONS);
    await scenario.run();
    if (faults[0]) throw faults[0];
    const attempts = [...world.history.deliveries.values()].reduce((sum, delivery) => sum + delivery.attempts.length, 0);
    return { seed, violations, faults: scenario.faults, emitted: world.history.events.size, attempts, simulatedMs: time.elapsed };
  } finally {
    restore();
  }
}

/** One run: a period of events and faults, then a period without faults in which everything must end. */
class Scenario {
  readonly faults: readonly string[];
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #commands: readonly Command[];
  readonly #lastsMs: number;
  readonly #meanGapMs: number;
  readonly #isOver: () => boolean;

  constructor(world: World, random: SeededRandom, isOver: () => boolean) {
    this.#world = world;
    this.#random = random;
    this.#isOver = isOver;
    this.faults = Object.keys(FAULTS).filter(() => random.chance(0.35));
    const usual = Object.values(USUAL).filter(() => random.chance(0.6));
    this.#commands = [...usual, ...this.faults.flatMap((name) => FAULTS[name] ?? [])];
    // Sometimes long enough for a shard to leave a node and come back to it.
    this.#lastsMs = random.chance(0.15) ? random.between(20_000, 40_000) : random.between(3_000, 12_000);
    this.#meanGapMs = random.pick([300, 1_000, 3_000]);
  }

  async run(): Promise<void> {
    const world = this.#world;
    const { time } = world;
    world.trace(`faults: ${this.faults.join(', ')}`);
    for (const machine of world.machines) time.after(this.#random.between(0, 2_000), null, () => void world.start(machine));
    this.#startCallers();
    this.#commandLater(1_500);
    await time.runUntil(this.#lastsMs, this.#isOver);
    await this.#recover();
    if (this.#isOver()) return;
    world.invariants.ended();
    for (const { node, process } of world.machines) {
      const why = node ? node.engine.notReady : 'it is not running';
      if (why !== null) world.invariants.report('stuck', `${process?.name} is not ready: ${why}.`);
    }
  }

  #startCallers(): void {
    const world = this.#world;
    const subjects = ['one', 'two', null, 'one'];
    for (const organizationKey of world.organizationKeys) {
      for (const subject of subjects.slice(0, this.#random.integer(1, subjects.length))) {
        void this.#call({ organizationKey, subject, gapMs: this.#random.pick([100, 400, 1_500]), burst: this.#random.pick([1, 1, 1, 3]) });
      }
    }
  }

  /** Waits for each response, and uses the nodes in turn. */
  async #call(caller: { organizationKey: number; subject: string | null; gapMs: number; burst: number }): Promise<void> {
    const world = this.#world;
    const random = this.#random.fork();
    for (let turn = 0; world.time.elapsed < this.#lastsMs; turn++) {
      await world.time.wait(random.between(0, 2 * caller.gapMs));
      const nodes = world.running;
      const node = nodes[turn % Math.max(1, nodes.length)];
      if (!node) {
        await world.time.wait(200);
        continue;
      }
      await Promise.all(Array.from({ length: caller.burst }, () => emit(world, node, caller)));
    }
  }

  #commandLater(delayMs: number): void {
    const { time } = this.#world;
    time.after(delayMs, null, () => {
      if (time.elapsed > this.#lastsMs || this.#commands.length === 0) return;
      this.#random.pick(this.#commands)(this.#world);
      this.#commandLater(this.#random.between(0, 2 * this.#meanGapMs));
    });
  }

  /** Ends all faults, and waits until everything has ended. */
  async #recover(): Promise<void> {
    const world = this.#world;
    const { time } = world;
    world.trace('the faults end');
    const isQuiet = { since: Number.POSITIVE_INFINITY };
    void this.#heal();
    const isReady = (): boolean => world.machines.every(({ node }) => node?.engine.notReady === null);
    const check = (): void => {
      world.endpoints.clear();
      const isActive = world.webhooks.every(({ id }) => world.server.tables.webhooks.get(id)?.status === 'active');
      const isFinished = isActive && isReady() && world.invariants.unfinished().length === 0;
      isQuiet.since = isFinished ? Math.min(isQuiet.since, time.now) : Number.POSITIVE_INFINITY;
      time.after(500, null, check);
    };
    check();
    await time.runUntil(time.elapsed + PATIENCE_MS, () => this.#isOver() || (time.now - isQuiet.since > SILENCE_MS && isReady()));
  }

  async #heal(): Promise<void> {
    const world = this.#world;
    for (const machine of world.machines) {
      if (machine.process) machine.process.frozenUntil = Math.min(machine.process.frozenUntil, world.time.now);
      if (machine.link) Object.assign(machine.link, { slowness: 1, isSilent: false });
      void world.start(machine);
    }
    // A change that was requested earlier may come late.
    for (;;) {
      await world.time.wait(300);
      const [node] = world.running;
      const webhook = world.webhooks.find(({ id }) => world.server.tables.webhooks.get(id)?.status !== 'active');
      if (node && webhook) await setWebhookStatus(world, node, { webhook, status: 'active' });
    }
  }
}
