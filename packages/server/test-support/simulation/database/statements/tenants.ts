import { present, numbers } from '../parameters.ts';
import type { Implementation } from '../server.ts';
import { shownWebhook } from './webhooks.ts';

const EPOCH = new Date(0);

const organizationsByKey: Implementation = ({ transaction }, [keys]) =>
  present(numbers(keys)).flatMap((key) => {
    const row = transaction.table('organizations').get(String(key));
    if (!row) return [];
    return [{ ...row, name: row.id, time_zone: null, inbound: false, contact_email: null, created_at: EPOCH, updated_at: EPOCH }];
  });

const webhooksOfOrganizations: Implementation = ({ transaction }, [keys]) => {
  const organizations = new Set(numbers(keys));
  return transaction
    .table('webhooks')
    .rows()
    .filter(({ organization_key: key }) => organizations.has(key))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(shownWebhook);
};

export const TENANTS: Readonly<Record<string, Implementation>> = {
  organizations_by_key: organizationsByKey,
  webhooks_of_organizations: webhooksOfOrganizations,
  notify_change: ({ transaction }, [payload]) => {
    transaction.notifications.push(String(payload));
    return [{}];
  },
};
