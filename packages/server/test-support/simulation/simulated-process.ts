/** A server process with its own event loop and clock, which may be stopped for a while or for good. */
export interface SimulatedProcess {
  readonly name: string;
  /** The difference between its clock and the true time, in milliseconds. */
  clockOffset: number;
  /** Nothing of it runs until then (SIGSTOP). */
  frozenUntil: number;
  isDead: boolean;
}
