import type { ProductDefinition } from '@posthorn/protocol';
import { OPERATIONS, operationsProduct } from './operations-product.ts';
import { DefinitionError, loadProduct } from './load-product.ts';
import type { Product } from './product.ts';

/** The products that this server serves. */
export class Catalog {
  readonly #products: ReadonlyMap<string, Product>;

  private constructor(products: ReadonlyMap<string, Product>) {
    this.#products = products;
  }

  /** Loads definitions. Of two with the same name, the later one replaces the earlier. Throws DefinitionError. */
  static async load(definitions: readonly ProductDefinition[]): Promise<Catalog> {
    const products = new Map<string, Product>();
    for (const definition of definitions) {
      if (definition.name === OPERATIONS)
        throw new DefinitionError(`product ${OPERATIONS}: the name is reserved for Posthorn’s own product.`);
      products.set(definition.name, await loadProduct(definition));
    }
    if (products.size === 0) throw new DefinitionError('no product is defined.');
    products.set(OPERATIONS, await loadProduct(operationsProduct));
    return new Catalog(products);
  }

  product(name: string): Product | undefined {
    return this.#products.get(name);
  }

  products(): Product[] {
    return [...this.#products.values()];
  }
}
