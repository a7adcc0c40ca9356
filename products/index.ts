import type { ProductDefinition } from '@posthorn/sdk';
import { generic } from './generic/product.ts';
import { revops } from './revops/product.ts';

/** The definitions that ship with the server. */
export const builtInProducts: readonly ProductDefinition[] = [generic, revops];
