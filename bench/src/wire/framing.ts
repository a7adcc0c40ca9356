const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH_NAME = 'content-length:';
const SPACE = 32;
const ZERO = 48;
const NINE = 57;

/** Where one HTTP/1.1 message lies in a buffer. */
export interface Frame {
  /** First byte of the body. */
  readonly bodyStart: number;
  /** First byte after the message. */
  readonly end: number;
}

/**
 * Finds the message that starts at `from`; null: it is not complete yet. Bodies with Content-Length only, which is all
 * that the bench sends and gets. Throws on chunked encoding, so that it is noticed.
 */
export function frameAt(buffer: Buffer, from: number): Frame | null {
  const headEnd = buffer.indexOf(HEAD_END, from);
  if (headEnd === -1) return null;
  const bodyStart = headEnd + HEAD_END.length;
  const end = bodyStart + contentLength(buffer, from, headEnd);
  return end <= buffer.length ? { bodyStart, end } : null;
}

function contentLength(buffer: Buffer, from: number, headEnd: number): number {
  const head = buffer.toString('latin1', from, headEnd);
  let at = head.indexOf(LENGTH_NAME);
  if (at === -1) {
    const lower = head.toLowerCase();
    at = lower.indexOf(LENGTH_NAME);
    if (at === -1 && lower.includes('transfer-encoding:')) throw new Error('A chunked message, which the bench does not read.');
    if (at === -1) return 0;
  }
  return digitsAt(buffer, from + at + LENGTH_NAME.length);
}

/** Reads the number at a place, after any blanks. */
export function digitsAt(buffer: Buffer, from: number): number {
  let at = from;
  while (buffer[at] === SPACE) at++;
  let value = 0;
  for (;;) {
    const byte = buffer[at] ?? 0;
    if (byte < ZERO || byte > NINE) return value;
    value = value * 10 + byte - ZERO;
    at++;
  }
}

/** Writes a number with leading zeros over `width` bytes. */
export function writeDigits(buffer: Buffer, at: number, digits: { value: number; width: number }): void {
  let rest = digits.value;
  for (let index = at + digits.width - 1; index >= at; index--) {
    const next = Math.floor(rest / 10);
    buffer[index] = ZERO + rest - next * 10;
    rest = next;
  }
}

/** The status of a response that starts at `from`. */
export function statusAt(buffer: Buffer, from: number): number {
  return digitsAt(buffer, from + 'HTTP/1.1'.length);
}
