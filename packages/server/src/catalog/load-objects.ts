import type { FieldError, ProductDefinition } from '@posthorn/protocol';
import { EVENT_NAME_PATTERN, KIND_PATTERN } from './definition-schema.ts';
import { loadObjectKind, type ObjectKind } from './object-kind.ts';
import type { EventType } from './event-type.ts';

const KIND = new RegExp(KIND_PATTERN);
const EVENT = new RegExp(EVENT_NAME_PATTERN);

/** The object kinds of a product. */
export interface ObjectKinds {
  readonly listed: ReadonlyMap<string, ObjectKind>;
  /** Finds a kind by name. A product that accepts any kind has one for every valid name. */
  find(name: string): ObjectKind | undefined;
}

/** Loads the kinds of a definition and returns all problems with their places. */
export async function loadObjects(
  definition: ProductDefinition,
  eventType: (type: string) => EventType | undefined,
): Promise<{ kinds: ObjectKinds; problems: FieldError[] }> {
  const listed = new Map<string, ObjectKind>();
  const problems: FieldError[] = [];
  for (const [name, kind] of Object.entries(definition.objects ?? {})) {
    const loaded = await loadObjectKind({ name, definition: kind, eventType });
    if ('problems' in loaded) problems.push(...loaded.problems);
    else listed.set(name, loaded.kind);
  }
  const anyObject = definition.anyObject ?? false;
  if (anyObject && !definition.anyEvent) {
    problems.push({ path: '/anyObject', rule: 'needs', message: 'requires anyEvent, because the events of such kinds are not listed' });
  }
  const find = (name: string) => listed.get(name) ?? (anyObject && KIND.test(name) ? openKind(name, eventType) : undefined);
  return { kinds: { listed, find }, problems };
}

/** Creates the kind for an undefined name. Its events contain the changes. */
function openKind(name: string, eventType: (type: string) => EventType | undefined): ObjectKind | undefined {
  const rule = (what: string) => {
    const type = EVENT.test(`${name}.${what}`) ? eventType(`${name}.${what}`) : undefined;
    return type ? { type, once: false, checked: false } : null;
  };
  return {
    name,
    scoped: false,
    jsonSchema: null,
    check: () => [],
    rules: { created: rule('created'), updated: rule('updated'), deleted: rule('deleted'), changes: [], enters: [], when: [] },
    data: ({ id, state, changed, previous, deleted }) => ({
      id,
      state,
      ...(previous === null || deleted
        ? {}
        : {
            changed: Object.fromEntries(
              Object.entries(changed).map(([field, { before, after }]) => [
                field,
                { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) },
              ]),
            ),
          }),
    }),
  };
}
