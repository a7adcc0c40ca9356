import type { Database } from './store/database.ts';
import type { Directory } from './tenancy/directory.ts';

export interface ChangeListeners {
  readonly database: Database;
  readonly directory: Directory;
  readonly engine: {
    organizationChanged(organizationKey: number): void;
    cancelled(deliveryId: string, unrecorded: { shard: number; xid: number } | null): void;
    nodesChanged(): void;
    wake(): void;
    logGrew(): void;
    changesMissed(): void;
  };
  /** Called when API keys were created or revoked. */
  readonly onApiKeys: () => void;
}

/**
 * Listens to the changes of all nodes, including this one, and invalidates caches. Returns a function that stops it.
 */
export function listenToChanges({ database, directory, engine, onApiKeys }: ChangeListeners): Promise<() => Promise<void>> {
  return database.listen(
    'posthorn_changes',
    (payload) => {
      const [kind = '', value = '', shard, xid] = payload.split(':');
      switch (kind) {
        case 'organization':
          directory.invalidate(Number(value));
          engine.organizationChanged(Number(value));
          break;
        case 'cancelled':
          engine.cancelled(value, shard === undefined ? null : { shard: Number(shard), xid: Number(xid) });
          break;
        case 'waiting':
          engine.wake();
          break;
        case 'nodes':
          engine.nodesChanged();
          break;
        case 'log':
          engine.logGrew();
          break;
        case 'api-keys':
          onApiKeys();
          break;
        default:
          // A newer node may send kinds of changes that this version doesn't know.
          break;
      }
    },
    () => {
      directory.clear();
      onApiKeys();
      engine.changesMissed();
    },
  );
}
