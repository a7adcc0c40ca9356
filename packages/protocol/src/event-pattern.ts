/** Decides which event types a subscription names. */
export interface EventPatterns {
  matches(type: string): boolean;
}

/** Further names of an event type. */
export type AliasesOf = (type: string) => readonly string[];

const NO_ALIASES: AliasesOf = () => [];

/**
 * Compiles the event patterns of a subscription: exact names, or names in which `*` stands for any characters, none
 * included (`*`, `deal-*`, `EXECUTION.*`). A type is matched by its name or by any of its aliases.
 *
 * @example
 * compileEventPatterns(['deal-*']).matches('deal-signed'); // true
 */
export function compileEventPatterns(patterns: readonly string[], aliasesOf: AliasesOf = NO_ALIASES): EventPatterns {
  if (patterns.includes('*')) return { matches: () => true };
  const names = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map(compileGlob);
  const named = (name: string): boolean => names.has(name) || globs.some((glob) => glob(name));
  return { matches: (type) => named(type) || aliasesOf(type).some(named) };
}

/**
 * Each part is looked for right after the one before, leftmost first; that never has to go back. A regular expression
 * with many stars would: one of 30 stars that fails on a name of 60 characters does not come to an end.
 */
function compileGlob(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  const between = parts.slice(1, -1).filter((part) => part !== '');
  return (name) => {
    const end = name.length - last.length;
    if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    let at = first.length;
    for (const part of between) {
      const found = name.indexOf(part, at);
      if (found === -1 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
