import { PosthornError } from '@posthorn/protocol';
import { isStorable } from './text-schema.ts';

/** Returns an error if jsonb cannot store the sender: it would fail a statement that other callers' events share. */
export function senderProblem({ sender }: { readonly sender?: object }): PosthornError | null {
  if (sender === undefined || isStorable(sender)) return null;
  const message = 'must not contain NUL or half of a surrogate pair';
  return new PosthornError('invalid_request', `/sender ${message}.`, { errors: [{ path: '/sender', rule: 'text', message }] });
}
