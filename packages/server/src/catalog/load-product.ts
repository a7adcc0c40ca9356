import {
  compileEventPatterns,
  defaultEnvelope,
  resolvePolicy,
  type EventTypeDefinition,
  type JsonObject,
  type PingContext,
  type ProductDefinition,
} from '@posthorn/protocol';
import { compileSchema } from './data-schema.ts';
import type { EventType, Product } from './product.ts';

const PRODUCT_NAME = /^[a-z][a-z0-9-]{0,62}$/;
/** What an event type may be called: visible characters that need no escaping in headers, URLs and patterns. */
const EVENT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}$/;
const OPEN_SAMPLE: JsonObject = { example: true };

/** A product definition that cannot be served. The message names the product and the place. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
}

/** Checks a definition and makes a product of it. Throws DefinitionError. */
export async function loadProduct(definition: ProductDefinition): Promise<Product> {
  const { name } = definition;
  if (!PRODUCT_NAME.test(name)) {
    throw new DefinitionError(`product ${JSON.stringify(name)}: the name must be lower-case letters, digits and dashes.`);
  }
  const eventTypes = new Map<string, EventType>();
  for (const [type, event] of Object.entries(definition.events)) eventTypes.set(type, await loadEventType(name, type, event));
  const byName = withAliases(name, eventTypes);
  checkPolicy(definition);
  const anyEvent = definition.anyEvent ?? false;
  return {
    name,
    title: definition.title ?? name,
    policy: resolvePolicy(definition),
    envelope: definition.envelope ?? defaultEnvelope,
    anyEvent,
    ping: {
      type: definition.ping?.type ?? 'ping',
      data: definition.ping?.data ?? defaultPing,
      onCreate: definition.ping?.onCreate ?? false,
    },
    eventTypes,
    eventType: (type) => byName.get(type) ?? (anyEvent && EVENT_NAME.test(type) ? openType(type) : undefined),
  };
}

async function loadEventType(product: string, name: string, definition: EventTypeDefinition): Promise<EventType> {
  const place = `product ${product}: events.${name}`;
  if (!EVENT_NAME.test(name)) throw new DefinitionError(`${place}: not a usable event name.`);
  const schema = compileAt(place, definition);
  const problems = await schema.check(definition.sample);
  const [first] = problems;
  if (first) throw new DefinitionError(`${place}.sample${first.path} does not satisfy the schema: ${first.message}`);
  return {
    name,
    group: definition.group ?? null,
    description: definition.description,
    aliases: definition.aliases ?? [],
    jsonSchema: schema.jsonSchema,
    sample: definition.sample,
    check: schema.check,
  };
}

function compileAt(place: string, definition: EventTypeDefinition): ReturnType<typeof compileSchema> {
  try {
    return compileSchema(definition.schema);
  } catch (error) {
    throw new DefinitionError(`${place}.schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function withAliases(product: string, eventTypes: ReadonlyMap<string, EventType>): Map<string, EventType> {
  const byName = new Map(eventTypes);
  for (const type of eventTypes.values()) {
    for (const alias of type.aliases) {
      if (byName.has(alias))
        throw new DefinitionError(`product ${product}: events.${type.name}.aliases: ${alias} names another event already.`);
      byName.set(alias, type);
    }
  }
  return byName;
}

function checkPolicy({ name, delivery }: ProductDefinition): void {
  const place = `product ${name}: delivery`;
  if (delivery?.methods?.length === 0) throw new DefinitionError(`${place}.methods must name at least one.`);
  if (delivery?.contentTypes?.length === 0) throw new DefinitionError(`${place}.contentTypes must name at least one.`);
  if (delivery?.timeoutMs !== undefined && !(delivery.timeoutMs >= 100 && delivery.timeoutMs <= 60_000)) {
    throw new DefinitionError(`${place}.timeoutMs must be 100 to 60000.`);
  }
}

function openType(name: string): EventType {
  return { name, group: null, description: '', aliases: [], jsonSchema: null, sample: OPEN_SAMPLE, check: () => [] };
}

function defaultPing({ webhook }: PingContext): JsonObject {
  return { webhook: { ...webhook, events: [...webhook.events] } };
}

/** Whether a pattern can ever match one of the product's events. */
export function patternMatchesProduct(product: Product, pattern: string): boolean {
  if (pattern === '*' || product.eventType(pattern)) return true;
  if (product.anyEvent) return EVENT_NAME.test(pattern.replaceAll('*', 'x'));
  const { matches } = compileEventPatterns([pattern]);
  return [...product.eventTypes.keys()].some(matches);
}
