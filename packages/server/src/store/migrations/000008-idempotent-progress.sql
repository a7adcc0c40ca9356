-- How far a request came that makes its change in several commits, sealed: a repeat continues from there.
ALTER TABLE idempotency_keys ADD COLUMN progress bytea;
