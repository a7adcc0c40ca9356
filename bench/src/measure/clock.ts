const BASE_US = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000;

/** Microseconds of the machine's monotonic clock: the same in every process of the machine. */
export function nowUs(): number {
  return Math.floor(BASE_US + performance.now() * 1000);
}
