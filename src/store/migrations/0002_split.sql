-- A message that holds several requests becomes several cases. The check on links.kind cannot be changed in the dialect that
-- SQLite and PostgreSQL share, so the table is built anew and its rows are moved.
CREATE TABLE links_anew (
    id         TEXT PRIMARY KEY,
    child      TEXT NOT NULL REFERENCES cases (id),
    parent     TEXT NOT NULL REFERENCES cases (id),
    kind       TEXT NOT NULL CHECK (kind IN ('join', 'maybe', 'split')),
    score      DOUBLE PRECISION NOT NULL,
    why        TEXT NOT NULL,
    child_state TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    created_by TEXT NOT NULL,
    ended_at   TIMESTAMPTZ,
    ended_by   TEXT
);
INSERT INTO links_anew (id, child, parent, kind, score, why, child_state, created_at, created_by, ended_at, ended_by)
    SELECT id, child, parent, kind, score, why, child_state, created_at, created_by, ended_at, ended_by FROM links;
DROP TABLE links;
ALTER TABLE links_anew RENAME TO links;
CREATE UNIQUE INDEX links_one_join ON links (child) WHERE kind = 'join' AND ended_at IS NULL;
CREATE UNIQUE INDEX links_one_split ON links (child) WHERE kind = 'split' AND ended_at IS NULL;
CREATE INDEX links_parent ON links (parent);

-- What of a message each of its cases is about. A message that was not split has no row here. `position` is the part's place
-- in the verdict; the row of the case the message came in as also says what that case was before.
CREATE TABLE message_parts (
    message_id TEXT NOT NULL REFERENCES messages (id),
    position   BIGINT NOT NULL,
    case_id    TEXT NOT NULL REFERENCES cases (id),
    words      TEXT NOT NULL,
    whole      BOOLEAN NOT NULL,
    before     JSONB,
    PRIMARY KEY (message_id, position)
);
CREATE UNIQUE INDEX message_parts_case ON message_parts (case_id, message_id);
