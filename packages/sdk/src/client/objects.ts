import type { JsonObject, Sender } from '@posthorn/protocol';
import type { AnyProduct, KindName, StateOf } from '../define-product.ts';
import { PosthornApiError, problemIn, type Problem } from './api-error.ts';
import type { Page, PageQuery } from './resources.ts';
import type { CallOptions, ChangeOptions, PostOptions, Transport } from './transport.ts';

/** An object as it is stored. */
export interface StoredObject<Kind extends string = string, State = JsonObject> {
  readonly kind: Kind;
  readonly id: string;
  readonly scope: string | null;
  readonly state: State;
  /** Increases with every change. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The result of a change. */
export interface ObjectOutcome<Kind extends string = string, State = JsonObject> {
  readonly object: StoredObject<Kind, State>;
  /** The events that the change emitted. */
  readonly events: readonly { readonly id: string; readonly type: string }[];
}

/** The scope of an object. */
export interface ObjectScope {
  /** The scope of its events. Part of the object's identity if its kind is scoped. */
  readonly scope?: string;
}

export interface ObjectContext extends ObjectScope {
  /** The person who caused the change. */
  readonly sender?: Sender;
}

/** One entry of a batch: a state, or a deletion. */
export type BatchObject<Product extends AnyProduct> = {
  [Kind in KindName<Product>]: ObjectContext & {
    readonly kind: Kind;
    readonly id: string;
    /** The version that the object must have; 0: it must not exist. */
    readonly version?: number;
  } & ({ readonly state: StateOf<Product, Kind> } | { readonly deleted: true });
}[KindName<Product>];

/** Objects, whose changes emit events. Every call throws PosthornApiError or PosthornConnectionError. */
export interface Objects<Product extends AnyProduct> {
  /** Creates the object, or replaces its state. */
  put<Kind extends KindName<Product>>(
    kind: Kind,
    id: string,
    push: ObjectContext & ChangeOptions & { readonly state: StateOf<Product, Kind> },
  ): Promise<ObjectOutcome<Kind, StateOf<Product, Kind>>>;
  /** Updates fields of the state (JSON merge patch, RFC 7396): null removes a field. */
  patch<Kind extends KindName<Product>>(
    kind: Kind,
    id: string,
    patch: ObjectContext & ChangeOptions & { readonly state: JsonObject },
  ): Promise<ObjectOutcome<Kind, StateOf<Product, Kind>>>;
  get<Kind extends KindName<Product>>(
    kind: Kind,
    id: string,
    options?: ObjectScope & CallOptions,
  ): Promise<StoredObject<Kind, StateOf<Product, Kind>>>;
  delete(kind: KindName<Product>, id: string, options?: ObjectScope & ChangeOptions): Promise<void>;
  list<Kind extends KindName<Product>>(
    kind: Kind,
    query?: PageQuery & ObjectScope,
    options?: CallOptions,
  ): Promise<Page<StoredObject<Kind, StateOf<Product, Kind>>>>;
  /** Changes up to 1,000 objects. Resolves to a result for each, in order. A refusal does not affect the others. */
  batch(objects: readonly BatchObject<Product>[], options?: PostOptions): Promise<(ObjectOutcome | PosthornApiError)[]>;
}

export function objectsAt<Product extends AnyProduct>(transport: Transport, place: readonly string[]): Objects<Product> {
  const all = [...place, 'objects'];
  return {
    put: (kind, id, { signal, version, ...push }) => transport.put([...all, kind, id], push, changing({ signal, version })),
    patch: (kind, id, { signal, version, ...patch }) => transport.patch([...all, kind, id], patch, changing({ signal, version })),
    get: (kind, id, { signal, ...query } = {}) => transport.get([...all, kind, id], query, { ...(signal && { signal }) }),
    delete: (kind, id, { signal, version, ...query } = {}) => transport.delete([...all, kind, id], changing({ signal, version }), query),
    list: (kind, query, options) => transport.get([...all, kind], query, options),
    async batch(objects, options) {
      const { results } = await transport.post<{ results: (ObjectOutcome | Problem)[] }>([...all, 'batch'], { objects }, options);
      return results.map((result) => {
        const problem = problemIn(result);
        return problem ? new PosthornApiError(problem) : (result as ObjectOutcome);
      });
    },
  };
}

/** Returns ChangeOptions without undefined values. */
function changing({ signal, version }: { signal: AbortSignal | undefined; version: number | undefined }): ChangeOptions {
  return { ...(signal && { signal }), ...(version !== undefined && { version }) };
}
