-- A problem that is reported again after its case was closed becomes a case that says so. The check on links.kind cannot be changed in
-- the dialect that SQLite and PostgreSQL share, so the table is built anew and its rows are moved.
CREATE TABLE links_anew (
    id         TEXT PRIMARY KEY,
    child      TEXT NOT NULL REFERENCES cases (id),
    parent     TEXT NOT NULL REFERENCES cases (id),
    kind       TEXT NOT NULL CHECK (kind IN ('join', 'maybe', 'split', 'again')),
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
CREATE INDEX links_child ON links (child);
