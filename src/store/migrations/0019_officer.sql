-- What staff write beside a case; no resident sees it. With a department, its officers see it on their page.
CREATE TABLE notes (
    id         TEXT PRIMARY KEY,
    case_id    TEXT NOT NULL REFERENCES cases (id),
    kind       TEXT NOT NULL CHECK (kind IN ('note', 'ask_desk', 'ask_resident', 'tell_department')),
    department TEXT,
    actor      TEXT NOT NULL,
    words      TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX notes_case ON notes (case_id, created_at);

-- Forms of the officer's page that were sent, by their number: sent again, nothing is done twice. What was in them is kept as a hash.
CREATE TABLE sent_forms (
    number  TEXT PRIMARY KEY,
    digest  TEXT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sent_forms_at ON sent_forms (sent_at);
