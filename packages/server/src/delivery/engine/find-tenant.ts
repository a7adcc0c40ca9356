import type { Logger } from 'pino';
import type { Directory, Tenant } from '../../tenancy/directory.ts';
import { pause } from './pause.ts';

const RETRY_MS = 250;

/** The organization, however long the database takes to answer; null: it is gone, or the node stops. */
export async function findTenant(
  directory: Directory,
  organizationKey: number,
  { log, isStopping }: { log: Logger; isStopping: () => boolean },
): Promise<Tenant | null> {
  for (;;) {
    try {
      return await directory.findByKey(organizationKey);
    } catch (error) {
      log.warn({ err: error }, 'An organization could not be read; trying again.');
      await pause(RETRY_MS);
      if (isStopping()) return null;
    }
  }
}
