import { PosthornError } from '@posthorn/protocol';

/** The authenticated caller: the operator or one organization. */
export type Principal = ({ readonly kind: 'root' } | { readonly kind: 'organization'; readonly organizationKey: number }) & {
  /** When the caller's API key expires; null if never. */
  readonly expiresAt: Date | null;
};

/** Throws `forbidden` unless the caller is the operator. */
export function requireRoot(principal: Principal): void {
  if (principal.kind !== 'root')
    throw new PosthornError('forbidden', 'Only a root key may do this. The API key belongs to an organization.');
}
