/** A JSON Schema, as far as the document of the API uses it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

export interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Answer extends Body {
  readonly $ref?: string;
}

export interface ApiDocument {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly parameters?: readonly Parameter[];
            readonly requestBody?: Body;
            readonly responses: Readonly<Record<string, Answer>>;
          }
        >
      >
    >
  >;
  readonly components: object;
}

/** An operation of the API, its references resolved. */
export interface Operation {
  /** As `post /v1/organizations`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** null: it takes none. */
  readonly body: Schema | null;
  /** By status, and `default`. null: no content. */
  readonly answers: Readonly<Record<string, { readonly type: string; readonly schema: Schema } | null>>;
}

export function operationsOf(document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { parameters = [], requestBody, responses }]) => ({
      name: `${method} ${path}`,
      method: method.toUpperCase(),
      path,
      parameters: parameters.map((parameter) => resolved(document, parameter)),
      body: requestBody?.content?.['application/json']?.schema ?? null,
      answers: Object.fromEntries(Object.entries(responses).map(([status, answer]) => [status, contentOf(resolved(document, answer))])),
    })),
  );
}

/** What a reference names. */
export function resolved<Part extends { readonly $ref?: string }>(document: ApiDocument, part: Part): Part {
  if (part.$ref === undefined) return part;
  let found: unknown = document;
  for (const step of part.$ref.replace('#/', '').split('/')) found = (found as Record<string, unknown>)[step];
  return found as Part;
}

function contentOf({ content }: Body): { type: string; schema: Schema } | null {
  const [entry] = Object.entries(content ?? {});
  return entry ? { type: entry[0], schema: entry[1].schema } : null;
}
