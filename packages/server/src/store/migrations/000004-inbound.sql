-- What inbound hooks feed. The public id is what the hook's URL shows: unique over all organizations, because the URL names none.
CREATE TABLE inbound_targets (
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_key integer NOT NULL REFERENCES organizations (key),
  kind text NOT NULL,
  target_id text NOT NULL,
  public_id uuid NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_key, kind, target_id)
);

CREATE TABLE inbound_hooks (
  id uuid PRIMARY KEY,
  organization_key integer NOT NULL REFERENCES organizations (key),
  target_key integer NOT NULL REFERENCES inbound_targets (key),
  name text NOT NULL,
  description text,
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbound_hooks_organization ON inbound_hooks (organization_key, id);
CREATE INDEX inbound_hooks_target ON inbound_hooks (target_key, id);

-- A hook has one current key; rotated ones go on until they expire.
CREATE TABLE inbound_keys (
  id uuid PRIMARY KEY,
  hook_id uuid NOT NULL REFERENCES inbound_hooks (id) ON DELETE CASCADE,
  -- SHA-256 of the key; the key itself is shown once and never kept.
  hash bytea NOT NULL,
  hint text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- NULL: the current one.
  expires_at timestamptz
);
CREATE INDEX inbound_keys_hook ON inbound_keys (hook_id);

-- What came in, taken or refused.
CREATE TABLE inbound_requests (
  id uuid PRIMARY KEY,
  organization_key integer NOT NULL,
  target_key integer NOT NULL,
  -- NULL: no hook of the target has the key that came with it.
  hook_id uuid,
  method text NOT NULL,
  status smallint NOT NULL,
  -- The error's code; NULL: taken.
  code text,
  -- JSON text: the failing fields.
  errors text,
  content_type text,
  -- The beginning of the body, without what looks like a credential; NULL: not read.
  payload text,
  payload_bytes integer,
  source_ip text NOT NULL
);
CREATE INDEX inbound_requests_hook ON inbound_requests (hook_id, id) WHERE hook_id IS NOT NULL;
CREATE INDEX inbound_requests_target ON inbound_requests (target_key, id) WHERE hook_id IS NULL;

-- A row: inbound posts are turned away for a while. 0: those of every organization.
CREATE TABLE inbound_maintenance (
  organization_key integer PRIMARY KEY,
  retry_after_seconds integer NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);

-- Measured goals. Decimals are numeric: what was sent is what is kept.
CREATE TABLE goals (
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_key integer NOT NULL REFERENCES organizations (key),
  id text NOT NULL,
  name text NOT NULL,
  -- maximize, minimize
  direction text NOT NULL,
  -- NULL: the organization's.
  time_zone text,
  good_threshold numeric,
  bad_threshold numeric,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- A deleted goal keeps its id: who still posts to it is told that it is gone.
  deleted_at timestamptz,
  UNIQUE (organization_key, id)
) WITH (fillfactor = 80);

CREATE TABLE goal_points (
  goal_key integer NOT NULL REFERENCES goals (key),
  date date NOT NULL,
  value numeric NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (goal_key, date)
);

CREATE TABLE goal_changes (
  goal_key integer NOT NULL REFERENCES goals (key),
  -- A UUIDv7: says when.
  id uuid NOT NULL,
  -- created, changed, deleted: the goal; point: a value of a date.
  kind text NOT NULL,
  date date,
  -- JSON text: what it was and what it became; NULL: it was not there.
  before text,
  after text,
  -- The inbound hook that it came through; NULL: the API.
  hook_id uuid,
  PRIMARY KEY (goal_key, id)
);
