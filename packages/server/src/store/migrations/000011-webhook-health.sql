-- Grows when the webhook is enabled and when what an attempt sends or how it is judged changes:
-- what is known of the endpoint counts for the version under which it was learned.
ALTER TABLE webhooks ADD COLUMN health_version integer NOT NULL DEFAULT 1;
-- When the oldest event was accepted whose delivery has failed since `failing_since`; NULL: none.
ALTER TABLE webhooks ADD COLUMN missed_since timestamptz;
CREATE INDEX webhooks_failing ON webhooks ((organization_key % 64)) WHERE failing_since IS NOT NULL AND status <> 'failed';
