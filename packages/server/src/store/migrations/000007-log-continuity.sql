-- One row, and it does not survive what makes PostgreSQL go back: crash recovery, a fail-over to a replica and a restored
-- backup empty unlogged tables. Transaction ids may then be given out again, so log readers start over from their marks.
CREATE UNLOGGED TABLE log_continuity (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  token uuid NOT NULL DEFAULT gen_random_uuid()
);

-- The live nodes that this node takes into account. A node stores no ordered event before all live ones know it.
ALTER TABLE nodes ADD COLUMN knows integer[] NOT NULL DEFAULT '{}';

-- Ordered deliveries are released in commit order, which the clocks in event ids do not tell.
ALTER TABLE waiting ADD COLUMN event_xid xid8;
UPDATE waiting SET event_xid = events.xid FROM events
WHERE waiting.order_key IS NOT NULL AND events.organization_key = waiting.organization_key AND events.id = waiting.event_id;
DROP INDEX waiting_order;
CREATE INDEX waiting_order ON waiting (webhook_id, order_key, event_xid, event_id) WHERE order_key IS NOT NULL;

-- When due_at was set, by the clock of the node that set it: a time in the future shows that the clock went back since.
ALTER TABLE waiting ADD COLUMN scheduled_at timestamptz;
