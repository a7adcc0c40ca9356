import { parseJson, sameJson, type Json, type JsonObject } from '@posthorn/protocol';
import type { Digest } from '../../catalog/load-digests.ts';
import type { Queryable } from '../../store/database.ts';
import { digestChanges, type DigestChangeRow } from '../../store/digests.ts';
import { readObjects } from '../../store/objects.ts';
import { newId } from '../../ids/uuid-time.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { objectOfScope } from '../object-of-scope.ts';
import { renderEvent } from '../prepare-event.ts';
import { splitDigest } from './split-digest.ts';

/** An event of a digest run. */
export interface DigestEvent {
  readonly id: string;
  readonly type: string;
  readonly scope: string | null;
  readonly data: JsonObject;
}

/** The position from which reading the changes continues. */
export interface DigestPosition {
  readonly scopeKey: string;
  readonly objectId: string;
}

export interface DigestPart {
  readonly events: readonly DigestEvent[];
  /** null: there are no more changes. */
  readonly next: DigestPosition | null;
}

export interface DigestReading {
  readonly tenant: Tenant;
  readonly digest: Digest;
  /** Whether to delete the changes that were read. */
  readonly take: boolean;
  readonly from: DigestPosition;
  readonly now: number;
}

export const BEGINNING: DigestPosition = { scopeKey: '', objectId: '' };

/** Changes read per statement: a few megabytes with their states. */
const PAGE = 1_000;
/** Changes processed per commit, to bound memory. */
const PART = 20_000;

/** Reads one part of the changes and returns its events. Parts bound the memory of a run. */
export async function readDigest(transaction: Queryable, reading: DigestReading): Promise<DigestPart> {
  const { digest, tenant, take } = reading;
  const writer = new DigestWriter(transaction, reading);
  let after = reading.from;
  for (let read = 0; read < PART; read += PAGE) {
    const page = { organizationKey: tenant.organization.key, digest: digest.name, after, limit: PAGE, take };
    const rows = await digestChanges(transaction, page);
    await writer.add(rows);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return { events: await writer.end(), next: null };
    after = { scopeKey: last.scope_key, objectId: last.object_id };
  }
  return { events: await writer.end(), next: after };
}

/** Collects entries scope by scope and creates each scope's events. */
class DigestWriter {
  readonly #transaction: Queryable;
  readonly #reading: DigestReading;
  readonly #events: DigestEvent[] = [];
  #scopeKey = '';
  #entries: Json[] = [];

  constructor(transaction: Queryable, reading: DigestReading) {
    this.#transaction = transaction;
    this.#reading = reading;
  }

  async add(rows: readonly DigestChangeRow[]): Promise<void> {
    const states = await this.#currentStates(rows);
    for (const row of rows) {
      if (row.scope_key !== this.#scopeKey) await this.#finishScope();
      this.#scopeKey = row.scope_key;
      const current = states.get(nameOf(row.scope_key, row.object_id));
      // Skips objects that were deleted or have their original state again.
      if (current === undefined) continue;
      const original = parseJson(row.original) as JsonObject;
      if (sameJson(original, current)) continue;
      const entry = this.#reading.digest.entry({ id: row.object_id, original, current });
      if (entry !== null) this.#entries.push(entry);
    }
  }

  async end(): Promise<readonly DigestEvent[]> {
    await this.#finishScope();
    return this.#events;
  }

  async #currentStates(rows: readonly DigestChangeRow[]): Promise<Map<string, JsonObject>> {
    const { tenant, digest } = this.#reading;
    const organizationKey = tenant.organization.key;
    const names = rows.map((row) => ({ organizationKey, kind: digest.kind, scopeKey: row.scope_key, id: row.object_id }));
    const objects = await readObjects(this.#transaction, names);
    return new Map(objects.map(({ scope_key: scopeKey, id, state }) => [nameOf(scopeKey, id), parseJson(state ?? '{}') as JsonObject]));
  }

  async #finishScope(): Promise<void> {
    const entries = this.#entries;
    if (entries.length === 0) return;
    this.#entries = [];
    const { tenant, digest, now } = this.#reading;
    const scope = digest.scoped ? this.#scopeKey : null;
    const context = { scope, about: await objectOfScope(this.#transaction, tenant, scope) };
    const parts = splitDigest({
      entries,
      data: (some) => digest.data(context, some),
      bodyBytes: (data) => bodyBytes(this.#reading, scope, data),
      maxBodyBytes: digest.maxBodyBytes,
    });
    this.#events.push(...parts.map((data) => ({ id: newId(now), type: digest.event, scope, data })));
  }
}

function nameOf(scopeKey: string, id: string): string {
  return `${scopeKey.length} ${scopeKey} ${id}`;
}

function bodyBytes({ tenant, digest, now }: DigestReading, scope: string | null, data: JsonObject): number {
  const draft = { id: newId(now), time: new Date(now), type: digest.event, data, scope, subject: null };
  return renderEvent(tenant, { ...draft, externalId: null, sender: null, test: false }, []).body.length;
}
