import { INBOUND_TARGET_KINDS } from '@posthorn/protocol';
import { Type } from 'typebox';
import { storedText } from '../text-schema.ts';

const Time = Type.String({ format: 'date-time' });
const TextOrNull = Type.Union([Type.String(), Type.Null()]);
const Name = storedText({ minLength: 1, maxLength: 200 });
const Description = Type.Union([storedText({ maxLength: 2_000 }), Type.Null()]);

export const NewInboundHook = Type.Object(
  {
    target: Type.Object(
      { kind: Type.Enum([...INBOUND_TARGET_KINDS]), id: storedText({ minLength: 1, maxLength: 256 }) },
      {
        additionalProperties: false,
        description: 'What the hook writes to: a goal or a model by its id, or the objects of a kind by its name.',
      },
    ),
    name: Type.Optional(Name),
    description: Type.Optional(Description),
    enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const InboundHookChange = Type.Object(
  { name: Type.Optional(Name), description: Type.Optional(Description), enabled: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);

const FIELDS = {
  id: Type.String(),
  target: Type.Object({ kind: Type.String(), id: Type.String() }),
  publicId: Type.String({ description: 'The id of the target in the URL.' }),
  name: Type.String(),
  description: TextOrNull,
  enabled: Type.Boolean(),
  keyHint: Type.Union([Type.String(), Type.Null()], { description: 'The last characters of the current key.' }),
  createdAt: Time,
  updatedAt: Time,
};

export const InboundHook = Type.Object(FIELDS, { title: 'InboundHook' });

export const KeyedInboundHook = Type.Object(
  {
    ...FIELDS,
    url: Type.String({
      description: 'The URL to post to. It contains the key, of which only a hash is stored: only this response shows it.',
    }),
  },
  { title: 'KeyedInboundHook' },
);

export const HookRequest = Type.Object(
  {
    id: Type.String(),
    at: Time,
    accepted: Type.Boolean(),
    status: Type.Integer(),
    code: Type.Union([Type.String(), Type.Null()], { description: 'Why the request was refused; null if it was accepted.' }),
    errors: Type.Array(Type.Object({ path: Type.String(), rule: Type.String(), message: Type.String() })),
    method: Type.String(),
    contentType: TextOrNull,
    payload: Type.Union([Type.String(), Type.Null()], {
      description: 'The first 4,096 characters, credentials masked; null if the body was not read.',
    }),
    payloadBytes: Type.Union([Type.Integer(), Type.Null()]),
    sourceIp: Type.String(),
    keyKnown: Type.Boolean({
      description: 'Whether the key was this hook’s. A request with an unknown key is listed for every hook of the target.',
    }),
  },
  { title: 'InboundHookRequest' },
);
