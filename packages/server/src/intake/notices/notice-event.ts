import type { JsonObject } from '@posthorn/protocol';
import type { NoticeRow } from '../../store/notices.ts';
import type { CommittedEvent } from '../event-commit.ts';

/** Returns the event that notifies an operator's organization, or null if the webhook or its organization is gone. */
export function noticeEvent(notice: NoticeRow, organizationKey: number): CommittedEvent | null {
  if (notice.organization_id === null || notice.url === null) return null;
  const { delivery_id: deliveryId } = notice;
  const data: JsonObject = {
    organization: { id: notice.organization_id, name: notice.organization_name },
    product: notice.product,
    webhook: {
      id: notice.webhook_id,
      url: shownUrl(notice.url),
      description: notice.description,
      scope: notice.scope,
      status: notice.status,
    },
    ...(deliveryId === null
      ? {}
      : {
          delivery: {
            id: deliveryId,
            eventId: notice.event_id,
            eventType: notice.event_type,
            attemptCount: notice.attempt_count,
          },
        }),
    reason: notice.reason,
    happenedAt: notice.happened_at.toISOString(),
  };
  const subject = { kind: 'webhook', id: notice.webhook_id };
  return { organizationKey, type: `posthorn.${notice.type}`, data, scope: `product:${notice.product}`, subject };
}

/** The URL without parts that may hold secrets: user name, password, query and fragment. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
