import { randomUUID } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import {
  countInboundHooks,
  countInboundKeys,
  deleteInboundHook,
  ensureInboundTarget,
  findInboundHook,
  insertInboundHook,
  insertInboundKey,
  listInboundHooks,
  lockInboundHook,
  notifyInbound,
  retireInboundKeys,
  updateInboundHook,
  type InboundHookRow,
} from '../store/inbound-hooks.ts';
import { listInboundRequests } from '../store/inbound-log.ts';
import { isUuid, newId } from '../ids/uuid-time.ts';
import { newKey } from '../sealing/keys.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { shownHook, shownRequest, type ShownHook, type ShownRequest } from './shown-hook.ts';
import type { TargetKinds } from './target-kind.ts';

export interface InboundHookInput {
  readonly target: { readonly kind: string; readonly id: string };
  /** Absent: the target's name. */
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly enabled?: boolean | undefined;
}

export interface InboundHookChange {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly enabled?: boolean | undefined;
}

/** A hook with a new key, which is shown only once. */
export interface KeyedHook {
  readonly hook: ShownHook;
  readonly key: string;
}

export interface KeyRotation {
  /** The hook's id. */
  readonly id: string;
  /** How long the older keys remain valid. */
  readonly overlapSeconds: number;
}

export interface InboundHooksOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly kinds: TargetKinds;
  readonly now: () => number;
  /** Called after a change with the target's public id. */
  readonly onTargetChanged: (publicId: string) => void;
}

/** Bounds the work per request, which compares its key with every key of the target. */
const MAX_HOOKS_PER_TARGET = 50;
const MAX_KEYS_PER_HOOK = 5;
const MAX_NAME = 200;

/** Manages inbound hooks: URLs with keys that feed targets. */
export class InboundHooks {
  readonly #options: InboundHooksOptions;

  constructor(options: InboundHooksOptions) {
    this.#options = options;
  }

  /** Creates a hook. Throws `invalid_request` if the target doesn't exist, `conflict` if it has too many hooks. */
  async create(tenant: Tenant, input: InboundHookInput, also: AlsoCommit<KeyedHook> = nothingMore): Promise<KeyedHook> {
    const { kind, id: targetId } = input.target;
    const targetName = await this.#targetName(tenant, input.target);
    const { name = targetName, description = null, enabled = true } = input;
    const organizationKey = tenant.organization.key;
    const id = newId(this.#options.now());
    return this.#change(
      async (transaction) => {
        const target = await ensureInboundTarget(transaction, { organizationKey, kind, targetId, publicId: randomUUID() });
        if ((await countInboundHooks(transaction, target.key)) >= MAX_HOOKS_PER_TARGET) {
          throw new PosthornError(
            'conflict',
            `The target already has ${MAX_HOOKS_PER_TARGET} inbound hooks, the maximum. Delete one first.`,
          );
        }
        const shortName = name.slice(0, MAX_NAME);
        await insertInboundHook(transaction, { id, organizationKey, targetKey: target.key, name: shortName, description, enabled });
        const key = await giveKey(transaction, id, this.#options.now());
        const keyed = { hook: shownHook(await found(transaction, organizationKey, id)), key };
        await also(transaction, keyed);
        return keyed;
      },
      ({ hook }) => hook,
    );
  }

  /** Throws `not_found`. */
  async get(tenant: Tenant, id: string): Promise<ShownHook> {
    return shownHook(await this.#find(tenant, id));
  }

  /** Newest first, below the id `before`. `stoppedAt`: the search ended there before the page was full. */
  async list(
    tenant: Tenant,
    query: { readonly before: string; readonly limit: number; readonly kind: string | null; readonly targetId: string | null },
  ): Promise<{ rows: ShownHook[]; stoppedAt: Pick<ShownHook, 'id'> | null }> {
    const { rows, stoppedAt } = await listInboundHooks(this.#options.reads, { organizationKey: tenant.organization.key, ...query });
    return { rows: rows.map(shownHook), stoppedAt };
  }

  /** What a hook received, newest first, below the id `before`. Throws `not_found`. */
  async requests(tenant: Tenant, id: string, query: { readonly before: string; readonly limit: number }): Promise<ShownRequest[]> {
    const hook = await this.#find(tenant, id);
    return (await listInboundRequests(this.#options.reads, { hookId: hook.id, ...query })).map(shownRequest);
  }

  /** Changes a hook. Throws `not_found`. */
  async update(tenant: Tenant, id: string, change: InboundHookChange): Promise<ShownHook> {
    const organizationKey = tenant.organization.key;
    return this.#change(
      async (transaction) => {
        if (!isUuid(id) || !(await updateInboundHook(transaction, { organizationKey, id, ...change }))) throw noHook();
        return shownHook(await found(transaction, organizationKey, id));
      },
      (hook) => hook,
    );
  }

  /** Creates a new key. Older keys stay valid for the overlap. Throws `not_found`, `conflict`. */
  async rotateKey(tenant: Tenant, { id, overlapSeconds }: KeyRotation, also: AlsoCommit<KeyedHook> = nothingMore): Promise<KeyedHook> {
    const organizationKey = tenant.organization.key;
    return this.#change(
      async (transaction) => {
        if (!isUuid(id) || !(await lockInboundHook(transaction, organizationKey, id))) throw noHook();
        const now = this.#options.now();
        await retireInboundKeys(transaction, { hookId: id, now: new Date(now), until: new Date(now + overlapSeconds * 1_000) });
        if ((await countInboundKeys(transaction, id, new Date(now))) >= MAX_KEYS_PER_HOOK) {
          throw new PosthornError(
            'conflict',
            `${MAX_KEYS_PER_HOOK} keys of the hook are valid already, the maximum. Set overlapSeconds to 0 to end them.`,
          );
        }
        const key = await giveKey(transaction, id, now);
        const keyed = { hook: shownHook(await found(transaction, organizationKey, id)), key };
        await also(transaction, keyed);
        return keyed;
      },
      ({ hook }) => hook,
    );
  }

  /** Deletes a hook and its keys. Throws `not_found`. */
  async delete(tenant: Tenant, id: string): Promise<void> {
    const organizationKey = tenant.organization.key;
    await this.#change(
      async (transaction) => {
        const hook = isUuid(id) ? await findInboundHook(transaction, organizationKey, id) : null;
        if (!hook || !(await deleteInboundHook(transaction, organizationKey, id))) throw noHook();
        return shownHook(hook);
      },
      (hook) => hook,
    );
  }

  async #find(tenant: Tenant, id: string): Promise<InboundHookRow> {
    const row = isUuid(id) ? await findInboundHook(this.#options.database, tenant.organization.key, id) : null;
    if (!row) throw noHook();
    return row;
  }

  async #change<Result>(work: (transaction: Queryable) => Promise<Result>, hookOf: (result: Result) => ShownHook): Promise<Result> {
    const result = await this.#options.database.transaction(async (transaction) => {
      const done = await work(transaction);
      await notifyInbound(transaction, `target:${hookOf(done).publicId}`);
      return done;
    });
    this.#options.onTargetChanged(hookOf(result).publicId);
    return result;
  }

  async #targetName(tenant: Tenant, target: { kind: string; id: string }): Promise<string> {
    const kind = this.#options.kinds.get(target.kind);
    const allowed = tenant.product.inbound.targets;
    if (!kind || !allowed.some((one) => one === target.kind)) {
      const message = `must be one of ${allowed.join(', ')}`;
      throw new PosthornError('invalid_request', `/target/kind ${message}.`, {
        errors: [{ path: '/target/kind', rule: 'known', message }],
      });
    }
    const state = await kind.find(tenant, target.id);
    if (state.state === 'found') return state.name;
    const message = state.state === 'deleted' ? `names a deleted ${target.kind}` : `names no ${target.kind} of this organization`;
    throw new PosthornError('invalid_request', `/target/id ${message}.`, { errors: [{ path: '/target/id', rule: 'known', message }] });
  }
}

/** Creates a key of 32 random bytes. It cannot be guessed, so a fast hash is enough. */
async function giveKey(transaction: Queryable, hookId: string, now: number): Promise<string> {
  const { key, hash, hint } = newKey('in_');
  await insertInboundKey(transaction, { id: newId(now), hookId, hash, hint });
  return key;
}

async function found(transaction: Queryable, organizationKey: number, id: string): Promise<InboundHookRow> {
  const row = await findInboundHook(transaction, organizationKey, id);
  if (!row) throw noHook();
  return row;
}

function noHook(): PosthornError {
  return new PosthornError('not_found', 'There is no such inbound hook in this organization.');
}
