import { PosthornError } from '@posthorn/protocol';

/** Whether the name is a valid time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Throws `invalid_request` unless `timeZone`, a field of a request's body, is the name of a time zone. */
export function checkTimeZone(timeZone: string): void {
  if (isTimeZone(timeZone)) return;
  throw new PosthornError('invalid_request', `${JSON.stringify(timeZone)} is not a time zone. Send an IANA name such as Europe/Berlin.`, {
    errors: [{ path: '/timeZone', rule: 'time_zone', message: 'must be an IANA time zone such as Europe/Berlin' }],
  });
}
