import type { Mail } from '../../store/mails.ts';
import type { NoticeRow } from '../../store/notices.ts';
import { shownUrl } from './notice-event.ts';

const MAILED_TYPES = new Set(['webhook.failed', 'webhook.disabled']);

/** Returns the mail to a webhook's owner, or null if none is to be sent. */
export function noticeMail(notice: NoticeRow, publicUrl: string): Mail | null {
  const { contact_email: recipient, url, organization_id: organization } = notice;
  if (!MAILED_TYPES.has(notice.type) || recipient === null || url === null || organization === null) return null;
  const shown = shownUrl(url);
  const enable = `${publicUrl}/v1/organizations/${encodeURIComponent(organization)}/webhooks/${notice.webhook_id}/enable`;
  const body = [
    `A webhook of ${oneLine(notice.organization_name ?? organization)} no longer receives events:`,
    '',
    `  ${shown}`,
    ...(notice.description === null || notice.description === '' ? [] : [`  ${oneLine(notice.description)}`]),
    '',
    `Since: ${notice.happened_at.toISOString()}`,
    `Why:   ${oneLine(notice.reason ?? 'Its deliveries failed.')}`,
    '',
    'When the endpoint works again, enable the webhook in its settings, or with',
    '',
    `  POST ${enable}`,
    '',
    'Add {"replay": true} to receive the missed events too.',
    '',
  ];
  return { id: notice.id, recipient, subject: `Webhook to ${new URL(url).host} has stopped`, body: body.join('\n') };
}

/** Removes line breaks: a customer's text must not look like a part of the mail that we wrote. */
function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}
