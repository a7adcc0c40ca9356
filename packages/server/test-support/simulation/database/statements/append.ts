import { databaseError } from '../errors.ts';
import { list, numbers, present } from '../parameters.ts';
import { keyOf } from '../rows.ts';
import type { Implementation, StatementContext } from '../server.ts';

function append(withIds: boolean): Implementation {
  return (context, values) => {
    const { transaction } = context;
    const versions = numbers(values[1]);
    const organizations = transaction.table('organizations');
    const current = present(numbers(values[0])).filter((key, index) => organizations.get(String(key))?.version === versions[index]);
    const xid = transaction.currentXid();
    const fresh: string[] = [];
    for (const event of events(values, xid)) {
      if (!current.includes(event.organization_key)) continue;
      if (withIds && event.external_id !== null) {
        if (!takeId(context, { ...event, external_id: event.external_id })) continue;
        fresh.push(event.id);
      }
      const key = keyOf(event.organization_key, event.id);
      if (transaction.table('events').get(key)) throw databaseError('23505', 'duplicate key value');
      transaction.table('events').put(key, event);
    }
    return [{ xid: String(xid), current, fresh }];
  };
}

/** Returns whether the event is the first with its id. */
function takeId({ transaction }: StatementContext, event: { organization_key: number; external_id: string; id: string }): boolean {
  const ids = transaction.table('event_ids');
  const key = keyOf(event.organization_key, event.external_id);
  if (ids.get(key)) return false;
  ids.put(key, { organization_key: event.organization_key, external_id: event.external_id, event_id: event.id });
  return true;
}

function events(values: readonly unknown[], xid: number) {
  const columns = { claimed: numbers(values[5]), types: list(values[6]), kinds: list(values[8]), subjects: list(values[9]) };
  const [ids, shards, externals, tests] = [list(values[3]), numbers(values[4]), list(values[10]), list(values[11])];
  const [offsets, lengths, webhooks] = [numbers(values[19]), numbers(values[20]), list(values[21])];
  const bodies = Buffer.from(values[18] as Uint8Array);
  return present(numbers(values[2])).map((organizationKey, index) => {
    const at = (offsets[index] ?? 1) - 1;
    return {
      organization_key: organizationKey,
      id: ids[index] ?? '',
      xid,
      shard: shards[index] ?? 0,
      claimed_by: columns.claimed[index] ?? null,
      type: columns.types[index] ?? '',
      subject_kind: columns.kinds[index] ?? null,
      subject_id: columns.subjects[index] ?? null,
      external_id: externals[index] ?? null,
      test: tests[index] === 'true',
      body: Buffer.from(bodies.subarray(at, at + (lengths[index] ?? 0))),
      webhook_ids: present(list(webhooks[index] ?? '{}')),
    };
  });
}

const firstAnswers: Implementation = ({ transaction }, [keys, externals]) => {
  const asked = list(externals);
  return present(numbers(keys)).flatMap((organizationKey, index) => {
    const known = transaction.table('event_ids').get(keyOf(organizationKey, asked[index] ?? ''));
    if (!known) return [];
    const event = transaction.table('events').get(keyOf(organizationKey, known.event_id));
    return [{ ...known, deliveries: event?.webhook_ids.length ?? null }];
  });
};

const eventsWithGivenIds: Implementation = ({ transaction }, [keys, ids]) => {
  const asked = list(ids);
  return present(numbers(keys)).flatMap((organizationKey, index) => {
    const event = transaction.table('events').get(keyOf(organizationKey, asked[index] ?? ''));
    return event?.external_id === null ? [{ organization_key: organizationKey, id: event.id }] : [];
  });
};

export const APPEND: Readonly<Record<string, Implementation>> = {
  append_events: append(false),
  append_events_with_ids: append(true),
  first_answers: firstAnswers,
  events_with_given_ids: eventsWithGivenIds,
};
