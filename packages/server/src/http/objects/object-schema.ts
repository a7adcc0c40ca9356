import { Type, type Static } from 'typebox';
import type { ObjectOutcome, StoredObject } from '../../intake/objects/object-request.ts';
import { storedText } from '../text-schema.ts';

export const Name = storedText({ minLength: 1, maxLength: 255 });
export const Scope = Type.Union([Name, Type.Null()], { description: 'The scope of the object’s events, such as project:4889.' });
export const Sender = Type.Object({}, { description: 'The person who caused the change.' });
export const State = Type.Object({}, { description: 'Must satisfy the schema of the object kind. Up to 1 MiB.' });

export const ShownObject = Type.Object(
  {
    kind: Type.String(),
    id: Type.String(),
    scope: Type.Union([Type.String(), Type.Null()]),
    state: Type.Unknown(),
    version: Type.Integer({ description: 'Increases with every change. Also the ETag.' }),
    createdAt: Type.String({ format: 'date-time' }),
    updatedAt: Type.String({ format: 'date-time' }),
  },
  { title: 'Object' },
);

export const Outcome = Type.Object(
  {
    object: ShownObject,
    events: Type.Array(Type.Object({ id: Type.String(), type: Type.String() }), { description: 'The events that the change emitted.' }),
  },
  { title: 'ObjectOutcome' },
);

/** Returns an object as the API shows it. */
export function objectJson({ createdAt, updatedAt, ...object }: StoredObject): Static<typeof ShownObject> {
  return { ...object, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

/** Returns the result of a change as the API shows it. */
export function outcomeJson({ object, events }: ObjectOutcome): Static<typeof Outcome> {
  return { object: objectJson(object), events: [...events] };
}
