/** The compiled event patterns of a subscription. */
export interface EventPatterns {
  matches(type: string): boolean;
}

/** Returns the aliases of an event type. */
export type AliasesOf = (type: string) => readonly string[];

const NO_ALIASES: AliasesOf = () => [];

/**
 * Compiles the event patterns of a subscription: exact names, or names in which `*` matches any number of characters,
 * even none (`*`, `deal-*`, `EXECUTION.*`). A pattern matches a type by its name or by any of its aliases.
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
 * Searches for each part after the previous one, leftmost first, so it never backtracks. A regular expression would: it
 * would not finish with 30 stars and a name of 60 characters that does not match.
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
