-- Objects that changed since the last digest, as they were then. A run reads these rows alone, however many objects there are.
CREATE TABLE digest_changes (
  organization_key integer NOT NULL,
  digest text COLLATE "C" NOT NULL,
  -- Of a scoped kind the object's scope, else ''.
  scope_key text COLLATE "C" NOT NULL,
  object_id text COLLATE "C" NOT NULL,
  -- JSON text, byte for byte: jsonb would reorder keys.
  original text NOT NULL,
  PRIMARY KEY (organization_key, digest, scope_key, object_id)
);

-- When each organization's digests run. A row comes with the first change, or with a time of the organization's own.
CREATE TABLE digest_schedules (
  organization_key integer NOT NULL REFERENCES organizations (key),
  digest text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  -- NULL: as the product says.
  at text,
  time_zone text,
  next_run_at timestamptz NOT NULL,
  last_run_at timestamptz,
  PRIMARY KEY (organization_key, digest)
);
CREATE INDEX digest_schedules_due ON digest_schedules (shard, next_run_at);
