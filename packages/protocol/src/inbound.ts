/** What an inbound hook may write to: a goal, a model with its scores, or the objects of a kind. */
export const INBOUND_TARGET_KINDS = ['goal', 'model', 'objects'] as const;
export type InboundTargetKind = (typeof INBOUND_TARGET_KINDS)[number];

/** What a product accepts through inbound hooks. */
export interface InboundDefinition {
  /** The kinds of targets for which its organizations may create inbound hooks. Default: all. */
  readonly targets?: readonly InboundTargetKind[];
}

/** Whether higher or lower values of a goal are better. */
export type GoalDirection = 'maximize' | 'minimize';

/** `green` at or past the good threshold, `red` at or past the bad one, `amber` between. */
export type GoalColour = 'green' | 'amber' | 'red';

/**
 * A decimal as text, in its shortest form without an exponent: `0.01`, `500000`, `-10`. Text, because most JSON parsers
 * read numbers as doubles and would lose digits.
 */
export type DecimalText = string;

/** A measured goal as the API and its events show it. */
export interface Goal {
  readonly id: string;
  readonly name: string;
  readonly direction: GoalDirection;
  /** The time zone that turns date-times into dates; null: the organization's, or UTC. */
  readonly timeZone: string | null;
  readonly goodThreshold: DecimalText | null;
  readonly badThreshold: DecimalText | null;
}

/** A goal's value on a date. */
export interface GoalPoint {
  /** `2017-03-16`. */
  readonly date: string;
  readonly value: DecimalText;
  /** By the goal's current thresholds; null if it has none. */
  readonly colour: GoalColour | null;
}

/** The data of a `goal.updated` event. A type, because an interface is not assignable to JsonObject. */
export type GoalUpdated = {
  goal: { id: string; name: string; direction: GoalDirection; timeZone: string | null };
  /** null if the goal's settings changed and not a value. */
  point: { date: string; value: DecimalText; previousValue: DecimalText | null; colour: GoalColour | null } | null;
  /** The goal's colour: that of its latest point. */
  colour: { before: GoalColour | null; after: GoalColour | null };
  thresholds: {
    before: { good: DecimalText | null; bad: DecimalText | null };
    after: { good: DecimalText | null; bad: DecimalText | null };
  };
};
