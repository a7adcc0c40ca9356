-- Where notices about an organization's webhooks go.
ALTER TABLE organizations ADD COLUMN contact_email text;

-- What somebody has to be told of, written in the transaction in which it happened, and taken by the one that tells it.
CREATE TABLE notices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- webhook.failed, webhook.disabled, webhook.recovered, delivery.exhausted
  type text NOT NULL,
  organization_key integer NOT NULL,
  webhook_id uuid NOT NULL,
  reason text,
  delivery_id uuid,
  event_id uuid,
  event_type text,
  attempt_count smallint,
  happened_at timestamptz NOT NULL
);
CREATE INDEX notices_order ON notices (happened_at);

-- Mail to be sent. A row goes when a mail server has taken it.
CREATE TABLE mails (
  id uuid PRIMARY KEY,
  recipient text NOT NULL,
  subject text NOT NULL,
  body text NOT NULL,
  attempt_count smallint NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL
);
CREATE INDEX mails_due ON mails (due_at);
