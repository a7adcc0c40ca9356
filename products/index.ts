import type { ProductDefinition } from '@posthorn/sdk';
import { featureos } from './featureos/product.ts';
import { generic } from './generic/product.ts';
import { results } from './results/product.ts';
import { revops } from './revops/product.ts';
import { revos } from './revos/product.ts';
import { virtuoso } from './virtuoso/product.ts';

/** The product definitions that ship with the server. */
export const builtInProducts: readonly ProductDefinition[] = [generic, featureos, results, revops, revos, virtuoso];
