import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ProductDefinition } from '@posthorn/protocol';
import { DefinitionError } from './load-product.ts';

const FILE = 'posthorn.config.ts';

/**
 * Returns the built-in product definitions and those of a folder's `posthorn.config.ts`, which replace built-in ones of
 * the same name. Its default export is one definition, a list of them, or `{ products }`. Throws DefinitionError.
 */
export async function loadDefinitions(folder: string, builtIn: readonly ProductDefinition[]): Promise<readonly ProductDefinition[]> {
  const path = join(folder, FILE);
  try {
    await access(path);
  } catch {
    return builtIn;
  }
  return [...builtIn, ...definitionsIn(await importFile(path))];
}

async function importFile(path: string): Promise<unknown> {
  try {
    const module: unknown = await import(pathToFileURL(path).href);
    return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  } catch (error) {
    throw new DefinitionError(`${path} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function definitionsIn(exported: unknown): ProductDefinition[] {
  const listed = typeof exported === 'object' && exported !== null && 'products' in exported ? exported.products : exported;
  const definitions = [listed].flat();
  if (listed === undefined || definitions.length === 0) {
    throw new DefinitionError(`${FILE} must have a product definition, or a list of them, as its default export.`);
  }
  const names = new Set<string>();
  return definitions.map((definition, index) => {
    if (!isDefinition(definition)) throw new DefinitionError(`${FILE}: entry ${index + 1} is not a product definition.`);
    if (names.has(definition.name)) throw new DefinitionError(`${FILE}: there are two products called ${definition.name}.`);
    names.add(definition.name);
    return definition;
  });
}

function isDefinition(value: unknown): value is ProductDefinition {
  return typeof value === 'object' && value !== null && 'name' in value && 'events' in value;
}
