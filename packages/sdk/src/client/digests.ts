import type { JsonObject } from '@posthorn/protocol';
import type { CallOptions, PostOptions, Transport } from './transport.ts';

/** A digest with its schedule. */
export interface DigestSchedule {
  readonly id: string;
  readonly event: string;
  readonly kind: string;
  /** `HH:MM` in `timeZone`. */
  readonly at: string;
  readonly timeZone: string;
  readonly nextRunAt: string;
  readonly lastRunAt: string | null;
}

/** An event that a digest emits. */
export interface DigestEvent {
  readonly id: string;
  readonly type: string;
  readonly scope: string | null;
  readonly data: JsonObject;
}

/** An organization's digests. Every call throws PosthornApiError or PosthornConnectionError. */
export interface Digests {
  list(options?: CallOptions): Promise<readonly DigestSchedule[]>;
  /** Changes its schedule for this organization; null restores the product's. */
  update(
    id: string,
    times: { readonly at?: string | null; readonly timeZone?: string | null },
    options?: CallOptions,
  ): Promise<DigestSchedule>;
  /** Returns the events that it would emit now. Changes nothing. */
  preview(id: string, options?: PostOptions): Promise<readonly DigestEvent[]>;
  /** Runs it now, in addition to its schedule. */
  run(id: string, options?: PostOptions): Promise<readonly DigestEvent[]>;
}

export function digestsAt(transport: Transport, place: readonly string[]): Digests {
  const all = [...place, 'digests'];
  const eventsOf = async (id: string, what: string, options?: PostOptions): Promise<readonly DigestEvent[]> => {
    const { events } = await transport.post<{ events: readonly DigestEvent[] }>([...all, id, what], {}, options);
    return events;
  };
  return {
    list: async (options) => (await transport.get<{ data: readonly DigestSchedule[] }>(all, undefined, options)).data,
    update: (id, times, options) => transport.patch([...all, id], times, options),
    preview: (id, options) => eventsOf(id, 'preview', options),
    run: (id, options) => eventsOf(id, 'run', options),
  };
}
