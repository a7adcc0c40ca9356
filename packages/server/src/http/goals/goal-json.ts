import { PosthornError, type FieldError } from '@posthorn/protocol';
import { isTimeZone } from '../../catalog/time-zone.ts';
import { MAX_DIGITS, readDecimal } from '../../goals/decimal.ts';
import type { GoalChange } from '../../goals/goals.ts';
import { colourOf } from '../../goals/thresholds.ts';
import type { GoalChangeRow, GoalPointRow, GoalRow } from '../../store/goals.ts';
import { timeOfId } from '../../ids/uuid-time.ts';

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
export function goalJson(row: GoalRow) {
  const { latest_date: date, latest_value: value } = row;
  const latestPoint = date === null || value === null ? null : { date, value, colour: colourAt(row, value) };
  return {
    id: row.id,
    name: row.name,
    direction: row.direction,
    timeZone: row.time_zone,
    goodThreshold: row.good_threshold,
    badThreshold: row.bad_threshold,
    colour: latestPoint?.colour ?? null,
    latestPoint,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function pointJson(goal: GoalRow, row: GoalPointRow) {
  return {
    date: row.date,
    value: row.value,
    colour: colourAt(goal, row.value),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function colourAt({ good_threshold: good, bad_threshold: bad, direction }: GoalRow, value: string) {
  return colourOf(value, { good, bad }, direction);
}

export function changeJson(row: GoalChangeRow) {
  return {
    id: row.id,
    at: new Date(timeOfId(row.id)).toISOString(),
    kind: row.kind,
    date: row.date,
    before: parsed(row.before),
    after: parsed(row.after),
    hookId: row.hook_id,
  };
}

/** Parses JSON that this server wrote. */
function parsed(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}
