import {
  compileEventPatterns,
  defaultEnvelope,
  INBOUND_TARGET_KINDS,
  resolvePolicy,
  type AliasesOf,
  type Envelope,
  type EventTypeDefinition,
  type FieldError,
  type JsonObject,
  type PingContext,
  type ProductDefinition,
} from '@posthorn/protocol';
import { checkCustomHeaders } from '../network/custom-headers.ts';
import { compileSchema } from './data-schema.ts';
import { definitionProblems, EVENT_NAME_PATTERN } from './definition-schema.ts';
import { loadDigests } from './load-digests.ts';
import { loadObjects } from './load-objects.ts';
import type { Product } from './product.ts';
import type { EventType } from './event-type.ts';

const EVENT_NAME = new RegExp(EVENT_NAME_PATTERN);
const OPEN_SAMPLE: JsonObject = { example: true };
const NO_CONTEXT = {};

/** An invalid product definition. The message names the product and the place. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
}

/** Loads a product, and tests its samples with their schemas and the envelope. Throws DefinitionError. */
export async function loadProduct(definition: ProductDefinition): Promise<Product> {
  const { name } = definition;
  refuseProblems(name, [...definitionProblems(definition), ...functionProblems(definition)]);
  const policy = resolvePolicy(definition);
  const envelope = definition.envelope ?? defaultEnvelope;
  refuseProblems(name, headerProblems(policy));
  const eventTypes = new Map<string, EventType>();
  for (const [type, event] of Object.entries(definition.events)) {
    eventTypes.set(type, await loadEventType(`product ${name}: events.${type}`, type, event));
    tryEnvelope(`product ${name}: envelope`, envelope, { type, data: event.sample });
  }
  const byName = withAliases(name, eventTypes);
  const anyEvent = definition.anyEvent ?? false;
  const eventType = (type: string) => byName.get(type) ?? (anyEvent && EVENT_NAME.test(type) ? openType(type) : undefined);
  const { kinds: objectKinds, problems } = await loadObjects(definition, eventType);
  refuseProblems(name, problems);
  const { digests, problems: digestProblems } = loadDigests(definition, { kinds: objectKinds, eventType });
  refuseProblems(name, digestProblems);
  return {
    name,
    title: definition.title ?? name,
    policy,
    envelope,
    anyEvent,
    context: definition.context ?? (() => NO_CONTEXT),
    accepts: definition.accepts ?? (() => null),
    ping: {
      type: definition.ping?.type ?? 'ping',
      data: definition.ping?.data ?? defaultPing,
      onCreate: definition.ping?.onCreate ?? false,
    },
    eventTypes,
    objectKinds,
    digests,
    eventType,
    inbound: { targets: definition.inbound?.targets ?? INBOUND_TARGET_KINDS },
  };
}

function refuseProblems(name: string, problems: readonly FieldError[]): void {
  if (problems.length === 0) return;
  const listed = problems.map(({ path, message }) => `  ${path.slice(1).replaceAll('/', '.') || 'the definition'} ${message}`);
  throw new DefinitionError([`product ${typeof name === 'string' ? name : '(without a name)'}:`, ...listed].join('\n'));
}

function functionProblems({ envelope, context, accepts, ping, objects = {} }: ProductDefinition): FieldError[] {
  const problem = (path: string): FieldError => ({ path, rule: 'type', message: 'must be a function' });
  return [
    ...Object.entries({ envelope, context, accepts }).flatMap(([name, value]) =>
      value === undefined || typeof value === 'function' ? [] : [problem(`/${name}`)],
    ),
    ...(ping === undefined || typeof ping.data === 'function' ? [] : [problem('/ping/data')]),
    ...Object.entries(objects).flatMap(([kind, { data }]) =>
      data === undefined || typeof data === 'function' ? [] : [problem(`/objects/${kind}/data`)],
    ),
  ];
}

/** A product's fixed headers follow the same rules as a webhook's own headers. */
function headerProblems({ headers, signatures }: Product['policy']): FieldError[] {
  const taken = signatures.flatMap((scheme) => (scheme.kind === 'hmac' ? [scheme.header] : []));
  return checkCustomHeaders(headers, taken).map((problem) => ({ ...problem, path: `/delivery${problem.path}` }));
}

async function loadEventType(place: string, name: string, definition: EventTypeDefinition): Promise<EventType> {
  const schema = compileAt(place, definition);
  const [first] = await schema.check(definition.sample);
  if (first) throw new DefinitionError(`${place}.sample${first.path} does not match the schema: ${first.message}`);
  return {
    name,
    group: definition.group ?? null,
    description: definition.description,
    aliases: definition.aliases ?? [],
    jsonSchema: schema.jsonSchema,
    schema: definition.schema,
    sample: definition.sample,
    check: schema.check,
  };
}

function compileAt(place: string, definition: EventTypeDefinition): ReturnType<typeof compileSchema> {
  try {
    return compileSchema(definition.schema);
  } catch (error) {
    throw new DefinitionError(`${place}.schema: ${messageOf(error)}`, { cause: error });
  }
}

/** Tests the envelope with a sample at the start: a broken envelope would fail every emit. */
function tryEnvelope(place: string, envelope: Envelope, { type, data }: { type: string; data: JsonObject }): void {
  const shown = {
    id: 'sample',
    type,
    time: new Date(0),
    data,
    scope: null,
    subject: null,
    sender: null,
    organization: { id: 'o', name: 'O' },
  };
  let text: unknown;
  try {
    text = JSON.stringify(envelope(shown));
  } catch (error) {
    throw new DefinitionError(`${place} fails for the sample of ${type}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof text !== 'string') throw new DefinitionError(`${place} returns no JSON for the sample of ${type}.`);
}

function withAliases(product: string, eventTypes: ReadonlyMap<string, EventType>): Map<string, EventType> {
  const byName = new Map(eventTypes);
  for (const type of eventTypes.values()) {
    for (const alias of type.aliases) {
      if (byName.has(alias))
        throw new DefinitionError(`product ${product}: events.${type.name}.aliases: ${alias} already names another event.`);
      byName.set(alias, type);
    }
  }
  return byName;
}

function openType(name: string): EventType {
  return { name, group: null, description: '', aliases: [], jsonSchema: null, schema: undefined, sample: OPEN_SAMPLE, check: () => [] };
}

function defaultPing({ webhook }: PingContext): JsonObject {
  return { webhook: { ...webhook, events: [...webhook.events] } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns a function that looks up the aliases of a product's event types. */
export function aliasesIn(product: Product): AliasesOf {
  return (type) => product.eventTypes.get(type)?.aliases ?? [];
}

/** Whether a pattern can match one of the product's events. */
export function patternMatchesProduct(product: Product, pattern: string): boolean {
  if (pattern === '*' || product.eventType(pattern)) return true;
  if (product.anyEvent) return EVENT_NAME.test(pattern.replaceAll('*', 'x'));
  const { matches } = compileEventPatterns([pattern], aliasesIn(product));
  return [...product.eventTypes.keys()].some(matches);
}
