-- A known text, sealed with the encryption key. A server whose keys do not open it has the wrong ones.
CREATE TABLE key_check (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  sealed bytea NOT NULL
);
