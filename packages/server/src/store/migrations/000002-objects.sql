-- The last state of each object. A deleted one keeps its row without a state: its version goes on, and what it gave once stays given.
CREATE TABLE objects (
  organization_key integer NOT NULL REFERENCES organizations (key),
  kind text COLLATE "C" NOT NULL,
  -- The scope where it is part of the identity, else ''.
  scope_key text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  scope text,
  -- JSON text, byte for byte: jsonb would reorder keys. NULL: deleted.
  state text,
  version integer NOT NULL,
  -- Event types given by a once rule.
  given text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (organization_key, kind, scope_key, id)
) WITH (fillfactor = 80);
