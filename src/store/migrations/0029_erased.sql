-- When what residents wrote, and who they are, was taken out of a case; what is counted stays.
ALTER TABLE cases ADD COLUMN erased_at TIMESTAMPTZ;
-- The closed cases that are still whole, by how long they have been closed.
CREATE INDEX cases_kept ON cases (closed_at) WHERE closed_at IS NOT NULL AND erased_at IS NULL;

-- What the rules were made of that decisions name by their version, so that each can be taken again however the rules have changed since.
CREATE TABLE rule_sets (
    version TEXT PRIMARY KEY,
    source  JSONB NOT NULL,
    kept_at TIMESTAMPTZ NOT NULL
);
