-- What is revoked or deleted keeps its row: lists must not read through those.
CREATE INDEX api_keys_listed ON api_keys (organization_key, id) WHERE revoked_at IS NULL;
CREATE INDEX organizations_listed ON organizations (key) WHERE deleted_at IS NULL;
