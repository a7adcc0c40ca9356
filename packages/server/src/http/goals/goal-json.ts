import { PosthornError, type FieldError } from '@posthorn/protocol';
import { isTimeZone } from '../../catalog/time-zone.ts';
import { MAX_DIGITS, readDecimal } from '../../goals/decimal.ts';
import type { GoalChange } from '../../goals/goals.ts';
import type { ShownGoal, ShownGoalChange, ShownPoint } from '../../goals/shown-goal.ts';

/** A body that passed its schema. Thresholds are text: the digits that were sent. */
export interface GoalBody {
  readonly name?: string;
  readonly direction?: 'maximize' | 'minimize';
  readonly timeZone?: string | null;
  readonly goodThreshold?: string | number | null;
  readonly badThreshold?: string | number | null;
}

/** Reads the decimals and the time zone of a body. Throws `invalid_request` that names each wrong field. */
export function goalChange(body: GoalBody): GoalChange {
  const errors: FieldError[] = [];
  const goodThreshold = decimal(body, 'goodThreshold', errors);
  const badThreshold = decimal(body, 'badThreshold', errors);
  if (typeof body.timeZone === 'string' && !isTimeZone(body.timeZone)) {
    errors.push({ path: '/timeZone', rule: 'time_zone', message: 'must be an IANA time zone such as Europe/Berlin' });
  }
  const [first] = errors;
  if (first) throw new PosthornError('invalid_request', `${first.path} ${first.message}.`, { errors });
  return { name: body.name, direction: body.direction, timeZone: body.timeZone, goodThreshold, badThreshold };
}

function decimal(body: GoalBody, field: 'goodThreshold' | 'badThreshold', errors: FieldError[]): string | null | undefined {
  const given = body[field];
  if (given === undefined || given === null) return given;
  const read = readDecimal(String(given));
  if ('decimal' in read) return read.decimal;
  const message = read.problem === 'digits' ? `must have at most ${MAX_DIGITS} digits` : 'must be a decimal such as 0.01, 500000 or -10';
  errors.push({ path: `/${field}`, rule: read.problem, message });
  return undefined;
}

/** Returns a goal as the API shows it. */
export function goalJson({ createdAt, updatedAt, ...goal }: ShownGoal) {
  return { ...goal, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

export function pointJson({ createdAt, updatedAt, ...point }: ShownPoint) {
  return { ...point, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

export function changeJson({ at, ...change }: ShownGoalChange) {
  return { ...change, at: at.toISOString() };
}
