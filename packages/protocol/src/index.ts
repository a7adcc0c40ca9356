export * from './attempt.ts';
export * from './encoding.ts';
export * from './errors.ts';
export * from './event-pattern.ts';
export * from './inbound.ts';
export * from './policy.ts';
export * from './product.ts';
export * from './secrets.ts';
