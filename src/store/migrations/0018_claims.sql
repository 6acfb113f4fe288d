-- The queue that gatekeepers work through: the most pressing first, then what is promised soonest, then what came first. The
-- condition is written so that no other index answers it: SQLite would take one on state, and sort.
CREATE INDEX cases_waiting ON cases (
    (CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END), due_on, received_at, id
) WHERE (CASE WHEN state IN ('review', 'held') THEN 1 ELSE 0 END) = 1;

-- Who has a waiting case before them, so that no two people decide about it. A claim runs out by itself.
CREATE TABLE claims (
    case_id TEXT PRIMARY KEY REFERENCES cases (id),
    who     TEXT NOT NULL,
    until   TIMESTAMPTZ NOT NULL
);

-- What the queue passes over for a while: for who skipped it, and for everybody ('') what waits for an answer or was put on hold.
-- It comes up again as soon as anything happens on the case.
CREATE TABLE passes (
    case_id TEXT NOT NULL REFERENCES cases (id),
    who     TEXT NOT NULL,
    at      TIMESTAMPTZ NOT NULL,
    until   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (case_id, who)
);

-- What a gatekeeper decided, with all that it changed, so that it can be taken back for as long as nothing of it has left.
CREATE TABLE undos (
    id        TEXT PRIMARY KEY,
    case_id   TEXT NOT NULL REFERENCES cases (id),
    actor     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    changed   JSONB NOT NULL,
    made_at   TIMESTAMPTZ NOT NULL,
    leaves_at TIMESTAMPTZ,
    undone_at TIMESTAMPTZ,
    undone_by TEXT
);
CREATE INDEX undos_actor ON undos (actor, made_at);
CREATE INDEX undos_case ON undos (case_id, made_at);

-- A case that was closed as spam is no report of anything.
ALTER TABLE cases ADD COLUMN spam BOOLEAN NOT NULL DEFAULT FALSE;
