/** What an inbound hook may feed: a goal, a model with its scores, or the objects of a kind. */
export const INBOUND_TARGET_KINDS = ['goal', 'model', 'objects'] as const;
export type InboundTargetKind = (typeof INBOUND_TARGET_KINDS)[number];

/** What a product takes in through inbound hooks. */
export interface InboundDefinition {
  /** Kinds of targets that its organizations may make inbound hooks for. Default: all. */
  readonly targets?: readonly InboundTargetKind[];
}

/** Whether more of what a goal measures is better, or less. */
export type GoalDirection = 'maximize' | 'minimize';

/** `green` at or past the good threshold, `red` at or past the bad one, `amber` between. */
export type GoalColour = 'green' | 'amber' | 'red';

/**
 * A decimal number as text, in its shortest form without an exponent: `0.01`, `500000`, `-10`. Text, because a JSON number
 * is a double to most readers and would lose digits.
 */
export type DecimalText = string;

/** A measured goal as the API and its events show it. */
export interface Goal {
  readonly id: string;
  readonly name: string;
  readonly direction: GoalDirection;
  /** In which date-times become dates; null: the organization's, or UTC. */
  readonly timeZone: string | null;
  readonly goodThreshold: DecimalText | null;
  readonly badThreshold: DecimalText | null;
}

/** A goal's value on a date. */
export interface GoalPoint {
  /** `2017-03-16`. */
  readonly date: string;
  readonly value: DecimalText;
  /** By the goal's thresholds of today; null: it has none. */
  readonly colour: GoalColour | null;
}

/** The data of a `goal.updated` event. A type and not an interface: it is a JSON object. */
export type GoalUpdated = {
  goal: { id: string; name: string; direction: GoalDirection; timeZone: string | null };
  /** null: the goal's settings were changed, not a value. */
  point: { date: string; value: DecimalText; previousValue: DecimalText | null; colour: GoalColour | null } | null;
  /** Of the goal, which is that of its latest point. */
  colour: { before: GoalColour | null; after: GoalColour | null };
  thresholds: {
    before: { good: DecimalText | null; bad: DecimalText | null };
    after: { good: DecimalText | null; bad: DecimalText | null };
  };
};
