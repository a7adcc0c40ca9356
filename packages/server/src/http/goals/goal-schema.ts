import { Type } from 'typebox';
import { ownId, storedText } from '../text-schema.ts';

const Time = Type.String({ format: 'date-time' });
const ZoneOrNull = Type.Union([Type.String({ maxLength: 100 }), Type.Null()], {
  description: 'IANA name of the time zone that turns date-times into dates; null: the organization’s, or UTC.',
});
const Direction = Type.Enum(['maximize', 'minimize'], { description: 'maximize: higher is better; minimize: lower is better.' });
const Colour = Type.Union([Type.Enum(['green', 'amber', 'red']), Type.Null()], {
  description: 'green: at or past the good threshold; red: at or past the bad one; amber: between; null: no thresholds or no points.',
});
const Decimal = Type.String({ description: 'A decimal as a string, so that no digits are lost: "0.01".' });
const DecimalOrNull = Type.Union([Decimal, Type.Null()]);
const GivenDecimal = Type.Union([Type.String({ maxLength: 1_000 }), Type.Number(), Type.Null()], {
  description: 'A decimal of up to 40 digits, as a string or a JSON number, stored exactly; null: none.',
});

const Name = storedText({ minLength: 1, maxLength: 200 });

export const NewGoal = Type.Object(
  {
    id: Type.Optional(ownId()),
    name: Name,
    direction: Direction,
    timeZone: Type.Optional(ZoneOrNull),
    goodThreshold: Type.Optional(GivenDecimal),
    badThreshold: Type.Optional(GivenDecimal),
  },
  { additionalProperties: false },
);

export const GoalChange = Type.Object(
  {
    name: Type.Optional(Name),
    direction: Type.Optional(Direction),
    timeZone: Type.Optional(ZoneOrNull),
    goodThreshold: Type.Optional(GivenDecimal),
    badThreshold: Type.Optional(GivenDecimal),
  },
  { additionalProperties: false },
);

const Point = Type.Object({
  date: Type.String({ format: 'date' }),
  value: Decimal,
  colour: Colour,
});

export const Goal = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    direction: Direction,
    timeZone: ZoneOrNull,
    goodThreshold: DecimalOrNull,
    badThreshold: DecimalOrNull,
    colour: Colour,
    latestPoint: Type.Union([Point, Type.Null()]),
    createdAt: Time,
    updatedAt: Time,
  },
  { title: 'Goal' },
);

export const GoalPoint = Type.Object(
  { date: Type.String({ format: 'date' }), value: Decimal, colour: Colour, createdAt: Time, updatedAt: Time },
  { title: 'GoalPoint' },
);

export const GoalHistoryEntry = Type.Object(
  {
    id: Type.String(),
    at: Time,
    kind: Type.Enum(['created', 'changed', 'deleted', 'point']),
    date: Type.Union([Type.String({ format: 'date' }), Type.Null()], {
      description: 'The date of the point; null if the goal itself changed.',
    }),
    before: Type.Unknown({ description: 'The state before; null if it did not exist.' }),
    after: Type.Unknown({ description: 'The state after; null if it was deleted.' }),
    hookId: Type.Union([Type.String(), Type.Null()], {
      description: 'The inbound hook that received the change; null if it came through the API.',
    }),
  },
  { title: 'GoalChange' },
);
