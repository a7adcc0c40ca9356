/** Microseconds of the machine's monotonic clock: the same in every process of the machine. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
