import type { Changes, JsonObject } from '@posthorn/protocol';
import { hasValue, valueAt } from '../../catalog/conditions.ts';
import type { LifecycleRules, Rule } from '../../catalog/object-kind.ts';
import { sameJson } from '@posthorn/protocol';

/** An object's change, the input of the lifecycle rules. */
export type Transition =
  | { readonly kind: 'created'; readonly state: JsonObject }
  | { readonly kind: 'updated'; readonly previous: JsonObject; readonly state: JsonObject; readonly changed: Changes }
  | { readonly kind: 'deleted' };

/**
 * Returns the rules whose events a change causes, in sending order, each event type once.
 * `given`: the `once` events that the object has already caused.
 */
export function eventsOf(rules: LifecycleRules, transition: Transition, given: ReadonlySet<string>): Rule[] {
  const found = new Map<string, Rule>();
  const give = (rule: Rule | null): void => {
    if (rule && !isSpent(rule, given) && !found.has(rule.type.name)) found.set(rule.type.name, rule);
  };
  if (transition.kind === 'deleted') {
    give(rules.deleted);
    return [...found.values()];
  }
  const previous = transition.kind === 'updated' ? transition.previous : null;
  const { state } = transition;
  give(transition.kind === 'updated' || (rules.created && isSpent(rules.created, given)) ? rules.updated : rules.created);
  if (previous) {
    for (const { path, rule } of rules.changes) if (!sameJson(valueAt(previous, path), valueAt(state, path))) give(rule);
  }
  for (const { path, value, rule } of rules.enters) {
    if (hasValue(state, path, value) && !hasValue(previous, path, value)) give(rule);
  }
  for (const { holds, rule } of rules.when) {
    if (holds(state) && (previous === null || !holds(previous))) give(rule);
  }
  return [...found.values()];
}

function isSpent(rule: Rule, given: ReadonlySet<string>): boolean {
  return rule.once && given.has(rule.type.name);
}
