-- Organizations and what belongs to them. `key` is the short number that the large tables carry;
-- it also says the shard: key % 64.
CREATE TABLE organizations (
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL,
  name text NOT NULL,
  product text NOT NULL,
  time_zone text,
  inbound boolean NOT NULL DEFAULT false,
  -- Grows with every change that may alter which webhooks an event matches.
  -- An accept carries the version it matched with and is turned back when it is stale.
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE UNIQUE INDEX organizations_id ON organizations (id) WHERE deleted_at IS NULL;

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  organization_key integer NOT NULL REFERENCES organizations (key),
  url text NOT NULL,
  description text,
  events text[] NOT NULL,
  scope text,
  method text,
  content_type text,
  -- Custom headers and secrets, sealed with AES-256-GCM.
  headers bytea,
  secrets bytea,
  retry jsonb,
  success jsonb,
  timeout_ms integer,
  rate_limit real,
  ordered boolean,
  status text NOT NULL DEFAULT 'active',
  status_reason text,
  status_changed_at timestamptz NOT NULL DEFAULT now(),
  failing_since timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_organization ON webhooks (organization_key, id);

CREATE TABLE api_keys (
  id uuid PRIMARY KEY,
  -- NULL: a root key.
  organization_key integer REFERENCES organizations (key),
  name text NOT NULL,
  -- SHA-256 of the key; the key itself is shown once and never kept.
  hash bytea NOT NULL UNIQUE,
  hint text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX api_keys_organization ON api_keys (organization_key, id);

CREATE TABLE idempotency_keys (
  -- 0: the root keys.
  organization_key integer NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL,
  -- NULL while the first request is being worked on.
  response_status smallint,
  response_body bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_key, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Nodes and the shards they own.
CREATE TABLE nodes (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shards (
  id smallint PRIMARY KEY,
  owner integer,
  -- Grows with every new owner; every write of an owner checks it.
  epoch integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL DEFAULT 'epoch',
  -- Every event of the shard committed below this transaction id is settled or waiting.
  low_water xid8 NOT NULL DEFAULT '0'
) WITH (fillfactor = 50);
INSERT INTO shards (id) SELECT generate_series(0, 63);

-- The event log. Partitioned by the UUIDv7 itself: a partition holds one day.
CREATE TABLE events (
  organization_key integer NOT NULL,
  id uuid NOT NULL,
  -- The transaction that committed it. Readers order by it and stop at the oldest one still running,
  -- so that a commit that overtakes another leaves no gap.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  shard smallint NOT NULL,
  -- The node that accepted it and owned its shard then: it holds the event in memory.
  claimed_by integer,
  type text NOT NULL,
  scope text,
  subject_kind text,
  subject_id text,
  -- The caller's own id, where it brought one.
  external_id text,
  test boolean NOT NULL DEFAULT false,
  sender jsonb,
  -- NULL where the body holds the data word for word, at data_start for data_length bytes.
  data bytea,
  data_start integer,
  data_length integer,
  body bytea NOT NULL,
  webhook_ids uuid[] NOT NULL,
  PRIMARY KEY (organization_key, id)
) PARTITION BY RANGE (id);
CREATE INDEX events_xid ON events (xid);
CREATE INDEX events_subject ON events (organization_key, subject_kind, subject_id, id) WHERE subject_id IS NOT NULL;

-- Ids that callers brought: the first event with an id is the only one.
CREATE TABLE event_ids (
  organization_key integer NOT NULL,
  external_id text NOT NULL,
  event_id uuid NOT NULL,
  PRIMARY KEY (organization_key, external_id)
);
CREATE INDEX event_ids_age ON event_ids (event_id);

-- One row per delivery from its first outcome on. The id follows from event and webhook and carries the event's day.
CREATE TABLE deliveries (
  organization_key integer NOT NULL,
  id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  event_id uuid NOT NULL,
  event_type text NOT NULL,
  test boolean NOT NULL DEFAULT false,
  status text NOT NULL,
  attempt_count smallint NOT NULL,
  next_attempt_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- The first attempt, as JSON; later ones are in attempts.
  first_attempt bytea,
  PRIMARY KEY (organization_key, id)
) PARTITION BY RANGE (id);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id);

CREATE TABLE attempts (
  delivery_id uuid NOT NULL,
  number smallint NOT NULL,
  attempt bytea NOT NULL,
  PRIMARY KEY (delivery_id, number)
) PARTITION BY RANGE (delivery_id);

-- Deliveries that have to wait: for a retry, an enabled webhook, a recovered endpoint, or room in memory.
CREATE TABLE waiting (
  delivery_id uuid PRIMARY KEY,
  organization_key integer NOT NULL,
  shard smallint NOT NULL,
  webhook_id uuid NOT NULL,
  event_id uuid NOT NULL,
  attempt_count smallint NOT NULL,
  -- 'infinity' while something else than time must happen first.
  due_at timestamptz NOT NULL,
  -- retry, held (webhook paused), backlog (no room, or breaker open), behind (an earlier one about the same subject waits)
  reason text NOT NULL,
  -- What an ordered webhook keeps in order: the subject. NULL: in no order.
  order_key text
);
CREATE INDEX waiting_order ON waiting (webhook_id, order_key, event_id) WHERE order_key IS NOT NULL;
CREATE INDEX waiting_due ON waiting (shard, due_at);
CREATE INDEX waiting_webhook ON waiting (webhook_id, delivery_id);
