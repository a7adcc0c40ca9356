import { PosthornError } from '@posthorn/protocol';
import type { IncomingHttpHeaders } from 'node:http';

/** What a request requires of an object before it changes it: a version, that it does not exist, or that it exists. */
export type Expected = number | 'none' | 'some' | undefined;

const VERSION = /^"?(\d{1,9})"?$/;

/** Reads `If-Match` and `If-None-Match` (RFC 9110, section 13.1). Throws `invalid_request`. */
export function expectedVersion(headers: IncomingHttpHeaders): Expected {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) {
    if (noneMatch === '*' && match === undefined) return 'none';
    throw refused('if-none-match', 'must be *, which requires that the object does not exist, and must not be combined with If-Match');
  }
  if (match === undefined) return undefined;
  if (match === '*') return 'some';
  const version = VERSION.exec(match)?.[1];
  if (version === undefined) throw refused('if-match', 'must be one version such as "3", or *');
  return Number(version);
}

/** Returns the version as an entity tag. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

function refused(header: string, message: string): PosthornError {
  return new PosthornError('invalid_request', `The header ${header} ${message}.`, {
    errors: [{ path: `/headers/${header}`, rule: 'precondition', message }],
  });
}
