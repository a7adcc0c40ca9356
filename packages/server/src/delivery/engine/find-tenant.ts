import type { Logger } from 'pino';
import type { Directory } from '../../tenancy/directory.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { pause } from './pause.ts';

const RETRY_MS = 250;

/** Reads an organization, retrying until it succeeds; null: it is deleted, or the node is stopping. */
export async function findTenant(
  directory: Directory,
  organizationKey: number,
  { log, isStopping }: { log: Logger; isStopping: () => boolean },
): Promise<Tenant | null> {
  for (;;) {
    try {
      return await directory.findByKey(organizationKey);
    } catch (error) {
      log.warn({ err: error }, 'Failed to read an organization; retrying');
      await pause(RETRY_MS);
      if (isStopping()) return null;
    }
  }
}
