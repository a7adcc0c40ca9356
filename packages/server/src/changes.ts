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
  /** Keys were made or revoked. */
  readonly onApiKeys: () => void;
}

/** Hears what other nodes, and this one, have changed, and lets go of what is out of date. Answers a function that stops. */
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
          // A newer node may tell of things that this one does not know.
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
