import { PosthornError } from '@posthorn/protocol';
import { isStorable } from './text-schema.ts';

/** The sender is kept as jsonb. What that does not take would fail the statement that other callers' events share. */
export function senderProblem({ sender }: { readonly sender?: object }): PosthornError | null {
  if (sender === undefined || isStorable(sender)) return null;
  const message = 'must not contain NUL or half of a surrogate pair';
  return new PosthornError('invalid_request', `/sender ${message}.`, { errors: [{ path: '/sender', rule: 'text', message }] });
}
