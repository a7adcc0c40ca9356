import { ExactNumber, type FieldError } from '@posthorn/protocol';
import { MAX_DIGITS, readDecimal } from './decimal.ts';
import { readDate, type SentDate } from './point-date.ts';

/** A point of a post. Each field is valid by itself. */
export interface SentPoint {
  /** JSON Pointer to the point in the body: '' or '/3'. */
  readonly path: string;
  readonly date: SentDate;
  readonly value: string;
  /** undefined: the stored threshold stays. */
  readonly good: string | undefined;
  readonly bad: string | undefined;
}

/** A parsed body: its points, or all of its errors with the thresholds that were valid. */
export type ReadPost =
  | { readonly points: readonly SentPoint[] }
  | { readonly errors: readonly FieldError[]; readonly thresholds: readonly SentThresholds[] };

export type SentThresholds = Pick<SentPoint, 'path' | 'good' | 'bad'>;

/** Maximum points per post. Larger backfills must be split. */
export const MAX_POINTS = 1_000;

/** Reads one point or an array of points. Unknown fields are ignored. */
export function readPost(body: unknown): ReadPost {
  if (!Array.isArray(body)) return readPoints([body], () => '');
  if (body.length === 0) return wrong({ path: '', rule: 'min_items', message: 'must contain at least one point' });
  if (body.length > MAX_POINTS) return wrong({ path: '', rule: 'max_items', message: `must contain at most ${MAX_POINTS} points` });
  return readPoints(body, (index) => `/${index}`);
}

function readPoints(items: readonly unknown[], pathOf: (index: number) => string): ReadPost {
  const errors: FieldError[] = [];
  const points: SentPoint[] = [];
  const thresholds: SentThresholds[] = [];
  items.forEach((item, index) => {
    const reader = new FieldReader(item, pathOf(index), errors);
    const good = reader.decimal('goodThreshold');
    const bad = reader.decimal('badThreshold');
    const value = reader.required('value', reader.decimal('value'));
    const date = reader.required('date', reader.date('date'));
    thresholds.push({ path: reader.path, good, bad });
    if (value !== undefined && date !== undefined) points.push({ path: reader.path, date, value, good, bad });
  });
  return errors.length > 0 ? { errors, thresholds } : { points };
}

function wrong(error: FieldError): ReadPost {
  return { errors: [error], thresholds: [] };
}

/** Reads one point's fields and collects their errors. `null` counts as absent. */
class FieldReader {
  readonly path: string;
  readonly #fields: Readonly<Record<string, unknown>> | null;
  readonly #errors: FieldError[];

  constructor(item: unknown, path: string, errors: FieldError[]) {
    this.path = path;
    this.#errors = errors;
    const isObject = typeof item === 'object' && item !== null && !Array.isArray(item) && !(item instanceof ExactNumber);
    this.#fields = isObject ? (item as Readonly<Record<string, unknown>>) : null;
    if (!isObject) errors.push({ path, rule: 'type', message: 'must be an object with date and value' });
  }

  decimal(name: string): string | undefined {
    const given = this.#read(name);
    if (given === undefined) return undefined;
    const isDecimal = typeof given === 'string' || typeof given === 'number' || given instanceof ExactNumber;
    const read = isDecimal ? readDecimal(String(given)) : ({ problem: 'decimal' } as const);
    if ('decimal' in read) return read.decimal;
    const message = read.problem === 'digits' ? `must have at most ${MAX_DIGITS} digits` : 'must be a decimal such as 0.01, 500000 or -10';
    this.#wrong(name, read.problem, message);
    return undefined;
  }

  date(name: string): SentDate | undefined {
    const given = this.#read(name);
    if (given === undefined) return undefined;
    const read = typeof given === 'string' ? readDate(given.trim()) : null;
    if (read) return read;
    this.#wrong(name, 'date', 'must be a valid date such as 2017-03-16, or a date-time such as 2017-03-16T17:30:00Z');
    return undefined;
  }

  /** Adds an error if the field is missing. */
  required<Value>(name: string, value: Value | undefined): Value | undefined {
    if (value === undefined && this.#fields && this.#read(name) === undefined) this.#wrong(name, 'required', 'is required');
    return value;
  }

  #read(name: string): unknown {
    if (!this.#fields || !Object.hasOwn(this.#fields, name)) return undefined;
    return this.#fields[name] ?? undefined;
  }

  #wrong(name: string, rule: string, message: string): void {
    this.#errors.push({ path: `${this.path}/${name}`, rule, message });
  }
}
