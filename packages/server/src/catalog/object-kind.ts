import {
  diffFields,
  fieldPath,
  type BecomesRule,
  type Condition,
  type EventRule,
  type FieldError,
  type JsonObject,
  type JsonSchema,
  type ObjectChange,
  type ObjectKindDefinition,
  type Scalar,
} from '@posthorn/protocol';
import { compileCondition, type Predicate } from './conditions.ts';
import { compileSchema, pointer, type CompiledSchema } from './data-schema.ts';
import type { EventType } from './event-type.ts';
import { SchemaFields } from './schema-paths.ts';

/** A lifecycle rule's event. */
export interface Rule {
  readonly type: EventType;
  readonly once: boolean;
  /** Whether to check the event's data against its schema. false if it is the state, which was checked already. */
  readonly checked: boolean;
}

/** The compiled lifecycle rules of a kind. */
export interface LifecycleRules {
  readonly created: Rule | null;
  readonly updated: Rule | null;
  readonly deleted: Rule | null;
  readonly changes: readonly { readonly path: readonly string[]; readonly rule: Rule }[];
  readonly enters: readonly { readonly path: readonly string[]; readonly value: string; readonly rule: Rule }[];
  readonly when: readonly { readonly holds: Predicate; readonly rule: Rule }[];
}

/** A loaded object kind. */
export interface ObjectKind {
  readonly name: string;
  /** Whether the scope is part of an object's identity. */
  readonly scoped: boolean;
  /** null: any JSON object is accepted, or the schema cannot be shown as JSON Schema. */
  readonly jsonSchema: JsonSchema | null;
  readonly check: CompiledSchema['check'];
  readonly rules: LifecycleRules;
  readonly data: (change: ObjectChange) => JsonObject;
}

export interface KindSource {
  readonly name: string;
  readonly definition: ObjectKindDefinition;
  /** The product's event types. */
  readonly eventType: (type: string) => EventType | undefined;
}

export type LoadedKind = { readonly kind: ObjectKind } | { readonly problems: readonly FieldError[] };

/** Loads an object kind, or returns all problems with their places in the product definition. */
export async function loadObjectKind(source: KindSource): Promise<LoadedKind> {
  const { name, definition } = source;
  const place = `/objects${pointer([name])}`;
  const schema = compiled(definition, place);
  if ('path' in schema) return { problems: [schema] };
  const loader = new RuleLoader(source, schema, place);
  const rules = loader.load();
  if (loader.problems.length > 0) return { problems: loader.problems };
  const kind: ObjectKind = {
    name,
    scoped: definition.scoped ?? false,
    jsonSchema: schema.jsonSchema,
    check: schema.check,
    rules,
    data: definition.data ?? ((change) => change.state),
  };
  const problems = definition.sample === undefined ? [] : await tryOut(kind, definition.sample, place);
  return problems.length > 0 ? { problems } : { kind };
}

function compiled({ schema }: ObjectKindDefinition, place: string): CompiledSchema | FieldError {
  try {
    return compileSchema(schema);
  } catch (error) {
    return { path: `${place}/schema`, rule: 'schema', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Compiles the rules of a definition and collects their problems. */
class RuleLoader {
  readonly problems: FieldError[] = [];
  readonly #source: KindSource;
  readonly #fields: SchemaFields | null;
  readonly #place: string;

  constructor(source: KindSource, schema: CompiledSchema, place: string) {
    this.#source = source;
    this.#fields = schema.jsonSchema && new SchemaFields(schema.jsonSchema);
    this.#place = place;
  }

  load(): LifecycleRules {
    const { created, updated, deleted, changes = {}, enters = {}, when = [] } = this.#source.definition;
    return {
      created: this.#optional(created, 'created'),
      updated: this.#optional(updated, 'updated'),
      deleted: this.#optional(deleted, 'deleted'),
      changes: Object.entries(changes).flatMap(([path, rule]) => this.#change(path, rule)),
      enters: Object.entries(enters).flatMap(([path, values]) =>
        Object.entries(values).flatMap(([value, rule]) => this.#enter({ path, value, rule })),
      ),
      when: when.flatMap((rule, index) => this.#becomes(rule, index)),
    };
  }

  #optional(rule: EventRule | undefined, name: string): Rule | null {
    return rule === undefined ? null : (this.#rule(rule, [name])[0] ?? null);
  }

  #rule(rule: EventRule, at: readonly string[]): Rule[] {
    const { event, once } = typeof rule === 'string' ? { event: rule, once: false } : rule;
    const type = this.#source.eventType(event);
    if (!type) return this.#problem(at, 'event', `names ${event}, which is not an event of the product`);
    const { definition } = this.#source;
    const isState = definition.data === undefined && type.schema === definition.schema;
    return [{ type, once, checked: !isState }];
  }

  #change(path: string, rule: EventRule): LifecycleRules['changes'] {
    this.#checkField(this.#fields, path, ['changes', path]);
    return this.#rule(rule, ['changes', path]).map((loaded) => ({ path: fieldPath(path), rule: loaded }));
  }

  #enter({ path, value, rule }: { path: string; value: string; rule: EventRule }): LifecycleRules['enters'] {
    const at = ['enters', path, value];
    const values = this.#checkField(this.#fields, path, ['enters', path]);
    if (values && !values.some((known) => String(known) === value)) this.#unknownValue(at, path, values);
    return this.#rule(rule, at).map((loaded) => ({ path: fieldPath(path), value, rule: loaded }));
  }

  #becomes({ becomes, event }: BecomesRule, index: number): LifecycleRules['when'] {
    const at = ['when', String(index)];
    this.#checkCondition(becomes, this.#fields, [...at, 'becomes']);
    return this.#rule(event, [...at, 'event']).map((rule) => ({ holds: compileCondition(becomes), rule }));
  }

  #checkCondition(condition: Condition, fields: SchemaFields | null, at: readonly string[]): void {
    switch (condition.kind) {
      case 'field': {
        const values = this.#checkField(fields, condition.path, at);
        if (values && !condition.values.every((value) => values.includes(value))) this.#unknownValue(at, condition.path, values);
        break;
      }
      case 'present':
        this.#checkField(fields, condition.path, at);
        break;
      case 'every-item':
      case 'some-item':
        this.#checkField(fields, condition.path, at);
        this.#checkCondition(condition.condition, fields?.items(condition.path) ?? null, [...at, 'condition']);
        break;
      case 'and':
      case 'or':
        condition.conditions.forEach((part, index) => this.#checkCondition(part, fields, [...at, 'conditions', String(index)]));
        break;
      case 'not':
        this.#checkCondition(condition.condition, fields, [...at, 'condition']);
    }
  }

  /** Returns the values that the field may have; null: any, or the schema doesn't list them. */
  #checkField(fields: SchemaFields | null, path: string, at: readonly string[]): readonly Scalar[] | null {
    const found = fields?.field(path);
    if (found?.known === 'missing') this.#problem(at, 'field', `names the field ${path}, which the schema does not have`);
    return found?.known === 'field' ? found.values : null;
  }

  #unknownValue(at: readonly string[], path: string, values: readonly Scalar[]): void {
    this.#problem(at, 'value', `names a value that ${path} can't have; its values are ${values.join(', ')}`);
  }

  #problem(at: readonly string[], rule: string, message: string): [] {
    this.problems.push({ path: this.#place + pointer(at), rule, message });
    return [];
  }
}

/** Creates every event of the kind once from the sample state: an error here would fail every push. */
async function tryOut(kind: ObjectKind, sample: JsonObject, place: string): Promise<FieldError[]> {
  const errors = await kind.check(sample);
  if (errors.length > 0) return errors.map((error) => ({ ...error, path: `${place}/sample${error.path}` }));
  const { created, updated, deleted, changes, enters, when } = kind.rules;
  const rules = [created, updated, deleted, ...[...changes, ...enters, ...when].map(({ rule }) => rule)];
  const problems: FieldError[] = [];
  for (const rule of rules) {
    if (!rule?.checked) continue;
    const previous = rule === created ? null : sample;
    const change = { kind: kind.name, id: 'sample', scope: kind.scoped ? 'sample' : null, previous, state: sample };
    const made = await madeData(kind, rule, { ...change, event: rule.type.name, deleted: rule === deleted });
    problems.push(...made.map((error) => ({ ...error, path: `${place}/data${error.path}` })));
  }
  return problems;
}

async function madeData(kind: ObjectKind, { type }: Rule, change: Omit<ObjectChange, 'changed' | 'time'>): Promise<FieldError[]> {
  try {
    const data = kind.data({ ...change, changed: diffFields({}, {}), time: new Date(0) });
    const errors = await type.check(data);
    return errors.map((error) => ({ ...error, message: `${error.message} (as data of ${type.name})` }));
  } catch (error) {
    return [{ path: '', rule: 'data', message: `fails for ${type.name}: ${error instanceof Error ? error.message : String(error)}` }];
  }
}
