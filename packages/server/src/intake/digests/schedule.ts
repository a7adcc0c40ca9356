import { Cron } from 'croner';

/** A time of day in a time zone. */
export interface DailyTime {
  /** `HH:MM`, 00:00 to 23:59. */
  readonly at: string;
  /** IANA name. */
  readonly timeZone: string;
}

const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** Whether the text is a time of day as `HH:MM`. */
export function isTimeOfDay(text: string): boolean {
  return TIME.test(text);
}

/**
 * Returns the first occurrence of the time after `afterMs`, one per calendar day. If a clock change skips the time, it
 * is the moment after the gap; if a clock change repeats it, the first occurrence. Throws on an invalid time or time
 * zone.
 */
export function nextDailyRun({ at, timeZone }: DailyTime, afterMs: number): number {
  const [, hour, minute] = TIME.exec(at) ?? [];
  if (hour === undefined || minute === undefined) throw new RangeError(`"${at}" is not a time of day as HH:MM.`);
  const next = new Cron(`${Number(minute)} ${Number(hour)} * * *`, { timezone: timeZone, paused: true }).nextRun(new Date(afterMs));
  if (!next) throw new RangeError(`${at} in ${timeZone} has no next occurrence.`);
  return next.getTime();
}

/**
 * Returns when a digest runs: as set for the organization's digest, then the organization's time zone, then the
 * product's.
 */
export function dailyTime(
  digest: DailyTime,
  organization: { readonly timeZone: string | null },
  own: { readonly at: string | null; readonly time_zone: string | null } | null,
): DailyTime {
  return { at: own?.at ?? digest.at, timeZone: own?.time_zone ?? organization.timeZone ?? digest.timeZone };
}

/** Returns the calendar date in a time zone, such as `2026-03-29`. */
export function localDate(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(ms));
}
