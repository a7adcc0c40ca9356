import { fieldPath, type JsonSchema, type Scalar } from '@posthorn/protocol';

type Node = { readonly [keyword: string]: unknown };

/** A schema's information about a field: unknown, missing, or its values (null: not listed). */
export type FieldKnowledge =
  | { readonly known: 'open' | 'missing' }
  | { readonly known: 'field'; readonly values: readonly Scalar[] | null };

const OPEN: FieldKnowledge = { known: 'open' };
const MISSING: FieldKnowledge = { known: 'missing' };

/** Looks up fields in a JSON Schema. */
export class SchemaFields {
  readonly #root: Node;
  readonly #at: readonly Node[];

  constructor(root: JsonSchema, at: readonly Node[] = [root]) {
    this.#root = root;
    this.#at = at;
  }

  /** Looks up the field at a path. */
  field(path: string): FieldKnowledge {
    const nodes = this.#walk(path);
    if (!Array.isArray(nodes)) return nodes;
    const values = nodes.map(listedValues);
    return { known: 'field', values: values.every((listed) => listed !== null) ? values.flat() : null };
  }

  /** Returns the fields of a list's items; null: the schema doesn't describe them. */
  items(path: string): SchemaFields | null {
    const nodes = this.#walk(path);
    if (!Array.isArray(nodes)) return null;
    const items = nodes.flatMap((node) => (isNode(node['items']) ? this.#resolve(node['items']) : []));
    return items.length > 0 ? new SchemaFields(this.#root, items) : null;
  }

  #walk(path: string): Node[] | FieldKnowledge {
    let nodes = this.#at.flatMap((node) => this.#resolve(node));
    for (const name of fieldPath(path)) {
      const open = nodes.some((node) => !('properties' in node) && (node['type'] === undefined || node['type'] === 'object'));
      const found = nodes.flatMap((node) => property(node, name));
      if (found.length === 0) return open ? OPEN : MISSING;
      nodes = found.flatMap((node) => this.#resolve(node));
    }
    return nodes;
  }

  /** Returns a schema's alternatives with references resolved. */
  #resolve(node: Node, depth = 0): Node[] {
    if (depth > 16) return [node];
    const reference = node['$ref'];
    if (typeof reference === 'string') {
      const target = this.#referenced(reference);
      return target ? this.#resolve(target, depth + 1) : [{}];
    }
    const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => {
      const list = node[keyword];
      return Array.isArray(list) ? list.filter(isNode) : [];
    });
    const own = 'properties' in node || 'enum' in node || 'const' in node || parts.length === 0 ? [node] : [];
    return [...own, ...parts.flatMap((part) => this.#resolve(part, depth + 1))];
  }

  #referenced(reference: string): Node | null {
    if (!reference.startsWith('#')) return null;
    let node: unknown = this.#root;
    for (const name of reference.length > 1 ? fieldPath(reference.slice(1)) : []) {
      node = isNode(node) ? node[name] : undefined;
    }
    return isNode(node) ? node : null;
  }
}

function property(node: Node, name: string): Node[] {
  const properties = node['properties'];
  const found = isNode(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (found === true) return [{}];
  return isNode(found) ? [found] : [];
}

/** null: the schema does not list them. */
function listedValues(node: Node): readonly Scalar[] | null {
  if ('const' in node) return [node['const'] as Scalar];
  if (Array.isArray(node['enum'])) return node['enum'] as Scalar[];
  if (node['type'] === 'null') return [null];
  if (node['type'] === 'boolean') return [true, false];
  return null;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
