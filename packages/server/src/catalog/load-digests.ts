import type { DigestDefinition, FieldError, ProductDefinition } from '@posthorn/protocol';
import { pointer } from './data-schema.ts';
import type { ObjectKinds } from './load-objects.ts';
import type { EventType } from './event-type.ts';
import { isTimeZone } from './time-zone.ts';

/** A loaded digest. */
export interface Digest extends DigestDefinition {
  readonly name: string;
  /** true: one event per scope; false: one event for the organization. */
  readonly scoped: boolean;
  readonly maxBodyBytes: number;
}

/** The digests of a product. */
export interface Digests {
  readonly byName: ReadonlyMap<string, Digest>;
  /** Returns the digests of an object kind. */
  ofKind(kind: string): readonly Digest[];
}

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
const NONE: readonly Digest[] = [];

/** Loads the digests of a definition and returns all problems with their places. */
export function loadDigests(
  { digests = {} }: ProductDefinition,
  { kinds, eventType }: { kinds: ObjectKinds; eventType: (type: string) => EventType | undefined },
): { digests: Digests; problems: FieldError[] } {
  const byName = new Map<string, Digest>();
  const problems: FieldError[] = [];
  for (const [name, definition] of Object.entries(digests)) {
    const place = `/digests${pointer([name])}`;
    const kind = kinds.listed.get(definition.kind);
    if (!kind)
      problems.push({
        path: `${place}/kind`,
        rule: 'known',
        message: `names ${definition.kind}, which is not an object kind of the product`,
      });
    if (!eventType(definition.event)) {
      problems.push({ path: `${place}/event`, rule: 'known', message: `names ${definition.event}, which is not an event of the product` });
    }
    if (!isTimeZone(definition.timeZone))
      problems.push({ path: `${place}/timeZone`, rule: 'time_zone', message: 'must be an IANA time zone' });
    for (const key of ['entry', 'data'] as const) {
      if (typeof definition[key] !== 'function') problems.push({ path: `${place}/${key}`, rule: 'type', message: 'must be a function' });
    }
    byName.set(name, {
      ...definition,
      name,
      scoped: kind?.scoped ?? false,
      maxBodyBytes: definition.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    });
  }
  const byKind = Map.groupBy(byName.values(), ({ kind }) => kind);
  return { digests: { byName, ofKind: (kind) => byKind.get(kind) ?? NONE }, problems };
}
