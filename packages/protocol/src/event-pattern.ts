/** Decides which event types a subscription names. */
export interface EventPatterns {
  matches(type: string): boolean;
}

/**
 * Compiles the event patterns of a subscription: exact names, or names in which `*` stands for any characters
 * (`*`, `deal-*`, `EXECUTION.*`).
 */
export function compileEventPatterns(patterns: readonly string[]): EventPatterns {
  if (patterns.includes('*')) return { matches: () => true };
  const names = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*')).map(globExpression);
  return { matches: (type) => names.has(type) || globs.some((glob) => glob.test(type)) };
}

function globExpression(pattern: string): RegExp {
  // Runs of stars are one star: `a**b` must not take exponential time.
  const parts = pattern.split(/\*+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*?')}$`);
}
