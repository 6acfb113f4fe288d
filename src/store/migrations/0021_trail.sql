-- What residents do on the trail of their own case, besides writing: they wish to hear no more of it, or say once how content they are.
CREATE TABLE withdrawals (
    case_id      TEXT PRIMARY KEY REFERENCES cases (id),
    solved       BOOLEAN NOT NULL,
    withdrawn_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE ratings (
    case_id  TEXT PRIMARY KEY REFERENCES cases (id),
    score    BIGINT NOT NULL CHECK (score BETWEEN 1 AND 5),
    words    TEXT,
    rated_at TIMESTAMPTZ NOT NULL
);
