-- What was learned of which reports are about one problem, newest last: one row each time a matcher was trained and compared, or
-- put back. Append-only. A precision is NULL where nothing would be joined without a person.
CREATE TABLE matcher_lessons (
    id               TEXT PRIMARY KEY,
    kind             TEXT NOT NULL CHECK (kind IN ('learned', 'back')),
    actor            TEXT NOT NULL,
    matcher_before   TEXT NOT NULL,
    matcher_after    TEXT NOT NULL,
    same             BIGINT NOT NULL,
    different        BIGINT NOT NULL,
    held_back        BIGINT NOT NULL,
    ap_before        DOUBLE PRECISION NOT NULL,
    ap_after         DOUBLE PRECISION NOT NULL,
    precision_before DOUBLE PRECISION,
    precision_after  DOUBLE PRECISION,
    recall_before    DOUBLE PRECISION NOT NULL,
    recall_after     DOUBLE PRECISION NOT NULL,
    promoted         BOOLEAN NOT NULL,
    why              TEXT NOT NULL,
    decided_until    TIMESTAMPTZ,
    created_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX matcher_lessons_created ON matcher_lessons (created_at);
