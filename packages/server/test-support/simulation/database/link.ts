import type { SeededRandom } from '../random.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import { connectionLost, connectionRefused, databaseError } from './errors.ts';
import type { DatabaseServer } from './server.ts';

export interface LinkOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly server: DatabaseServer;
  readonly process: SimulatedProcess;
}

/** A request to the server that has no response yet. */
interface Call {
  /** Tells the server that the connection is lost. Returns nothing. */
  readonly abandon: () => void;
  readonly reject: (error: Error) => void;
  /** Whether the request has not reached the server yet. */
  isOnItsWay: boolean;
  isOver: boolean;
  /** How long a request that outlived its connection is still under way. */
  lateMs: number;
}

/** Runs a request on the server. `answer` sends the response. */
type Perform<Result> = (answer: (error: Error | null, result?: Result) => void) => void;

/** The driver's limit (`answerMs`), after which a silent server's connection is closed. */
const SILENCE_MS = 30_000;

/** The network between a process and the database server: latency, broken connections, outages. */
export class DatabaseLink {
  /** Factor by which round trips take longer. */
  slowness = 1;
  /** Whether requests get lost silently, until the driver's limit. */
  isSilent = false;
  readonly #options: LinkOptions;
  readonly #calls = new Set<Call>();
  readonly #onBreak = new Set<() => void>();
  #outageUntil = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    const { server, time } = this.#options;
    return server.isUp && time.now >= this.#outageUntil;
  }

  /** Sends a request. `abandon` is called if the connection breaks first. */
  call<Result>(perform: Perform<Result>, abandon: () => void = () => {}): Promise<Result> {
    const { time, process, random, server } = this.#options;
    return new Promise((resolve, reject) => {
      if (!this.isOpen) {
        const error =
          server.isUp || random.chance(0.5) ? connectionRefused() : databaseError('57P03', 'the database system is starting up');
        time.after(this.#latency(), process, () => reject(error));
        return;
      }
      const call: Call = { abandon, reject, isOnItsWay: true, isOver: false, lateMs: 0 };
      this.#calls.add(call);
      const { life } = server;
      const arrive = (): void => {
        if (life !== server.life) return;
        if (call.lateMs > 0) return void time.after(call.lateMs, null, () => life === server.life && perform(() => {}));
        if (call.isOver) return;
        call.isOnItsWay = false;
        perform((error, result) => {
          time.after(this.#latency(), process, () => {
            if (call.isOver) return;
            this.#end(call);
            if (error) reject(error);
            else resolve(result as Result);
          });
        });
      };
      if (this.isSilent) time.after(SILENCE_MS, process, () => this.#break(call));
      else time.after(this.#latency(), null, arrive);
    });
  }

  /** Breaks the connections in use. New ones can be opened after the outage. */
  break(outageMs = 0): void {
    this.#outageUntil = Math.max(this.#outageUntil, this.#options.time.now + outageMs);
    for (const call of [...this.#calls]) this.#break(call);
    for (const broken of this.#onBreak) broken();
  }

  /** Calls back whenever connections break. Returns a function that stops that. */
  onBreak(broken: () => void): () => void {
    this.#onBreak.add(broken);
    return () => this.#onBreak.delete(broken);
  }

  #break(call: Call): void {
    const { random, time, process } = this.#options;
    if (call.isOver) return;
    this.#end(call);
    // Requests under way may be lost, or may reach the server after all, in rare cases very late.
    if (call.isOnItsWay && random.chance(0.5)) call.lateMs = random.chance(0.1) ? random.between(1, 60_000) : random.between(1, 3_000);
    call.abandon();
    time.after(0, process, () => call.reject(connectionLost()));
  }

  #end(call: Call): void {
    call.isOver = true;
    this.#calls.delete(call);
  }

  #latency(): number {
    const { random } = this.#options;
    const usual = random.chance(0.05) ? random.between(2, 40) : random.between(0.1, 2);
    return usual * this.slowness;
  }
}
