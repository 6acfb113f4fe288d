-- What was learned from the council's own decisions, newest last: one row each time a model was trained and compared, or put
-- back. Append-only.
CREATE TABLE lessons (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('learned', 'back')),
    actor         TEXT NOT NULL,
    model_before  TEXT NOT NULL,
    model_after   TEXT NOT NULL,
    corrections   BIGINT NOT NULL,
    held_back     BIGINT NOT NULL,
    right_before  BIGINT NOT NULL,
    right_after   BIGINT NOT NULL,
    log_before    DOUBLE PRECISION NOT NULL,
    log_after     DOUBLE PRECISION NOT NULL,
    promoted      BOOLEAN NOT NULL,
    why           TEXT NOT NULL,
    services      JSONB NOT NULL,
    decided_until TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX lessons_created ON lessons (created_at);
CREATE INDEX decisions_kind ON decisions (kind, created_at);
