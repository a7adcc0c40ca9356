/**
 * Preloaded into a server whose clock is to be wrong: `Date` is off by the milliseconds in the file that
 * `CHAOS_CLOCK_FILE` names, which is read again several times a second. Timers and `performance` stay right, as they do
 * on a machine whose wall clock is set.
 */
import { readFileSync } from 'node:fs';

const READ_MS = 100;
const file = process.env['CHAOS_CLOCK_FILE'];
const RealDate = Date;
let shiftMs = 0;

function read(): void {
  const text = file === undefined ? '0' : readFileSync(file, 'utf8').trim();
  if (text !== '') shiftMs = Number(text);
}

class ShiftedDate extends RealDate {
  constructor(...moment: [] | [string | number | Date]) {
    if (moment.length === 0) super(ShiftedDate.now());
    else super(...(moment as [string]));
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
}

read();
setInterval(read, READ_MS).unref();
globalThis.Date = ShiftedDate as DateConstructor;
