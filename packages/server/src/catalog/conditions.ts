import { ExactNumber, fieldPath, type Condition, type Json, type JsonObject } from '@posthorn/protocol';

/** A compiled condition. */
export type Predicate = (state: Json | undefined) => boolean;

/** Returns the value at a path; undefined: there is none. Inherited properties don't count. */
export function valueAt(state: Json | undefined, path: readonly string[]): Json | undefined {
  let value = state;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof ExactNumber) return undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Compiles a condition to a function, so that its paths are parsed only once. */
export function compileCondition(condition: Condition): Predicate {
  switch (condition.kind) {
    case 'field': {
      const path = fieldPath(condition.path);
      const values = new Set<unknown>(condition.values);
      return (state) => values.has(valueAt(state, path));
    }
    case 'present': {
      const path = fieldPath(condition.path);
      return (state) => (valueAt(state, path) ?? null) !== null;
    }
    case 'every-item':
    case 'some-item':
      return ofItems(condition);
    case 'and': {
      const all = condition.conditions.map(compileCondition);
      return (state) => all.every((holds) => holds(state));
    }
    case 'or': {
      const any = condition.conditions.map(compileCondition);
      return (state) => any.some((holds) => holds(state));
    }
    case 'not': {
      const holds = compileCondition(condition.condition);
      return (state) => !holds(state);
    }
  }
}

/** Both kinds are false for an empty list: without parties, nobody has signed. */
function ofItems({ kind, path: at, condition }: Extract<Condition, { kind: 'every-item' | 'some-item' }>): Predicate {
  const path = fieldPath(at);
  const holds = compileCondition(condition);
  return (state) => {
    const items = valueAt(state, path);
    if (!Array.isArray(items) || items.length === 0) return false;
    return kind === 'every-item' ? items.every(holds) : items.some(holds);
  };
}

/** Whether the text of a field's value equals the value of an `enters` rule. */
export function hasValue(state: JsonObject | null, path: readonly string[], text: string): boolean {
  const value = state === null ? undefined : valueAt(state, path);
  if (value === undefined || (typeof value === 'object' && value !== null && !(value instanceof ExactNumber))) return false;
  return String(value) === text;
}
