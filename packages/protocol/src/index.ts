export * from './attempt.ts';
export * from './errors.ts';
export * from './product.ts';
