-- One person may write from several addresses. Contacts stay as they are; which of them are one person is said beside them, and
-- can be taken back. `person` is worked out from that: the oldest contact of those that are one person, or none.
ALTER TABLE contacts ADD COLUMN person TEXT;
CREATE INDEX contacts_person ON contacts (person);
CREATE INDEX contacts_name ON contacts (LOWER(name));
CREATE INDEX contact_points_contact ON contact_points (contact_id);
CREATE INDEX cases_contact ON cases (contact_id, changed_at);

-- Where somebody wishes to be written to: of all their addresses the one chosen last.
ALTER TABLE contact_points ADD COLUMN chosen_at TIMESTAMPTZ;

CREATE TABLE same_person (
    id         TEXT PRIMARY KEY,
    one        TEXT NOT NULL REFERENCES contacts (id),
    other      TEXT NOT NULL REFERENCES contacts (id),
    state      TEXT NOT NULL CHECK (state IN ('suggested', 'confirmed', 'refused', 'undone')),
    why        TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    decided_at TIMESTAMPTZ,
    decided_by TEXT,
    UNIQUE (one, other)
);
CREATE INDEX same_person_other ON same_person (other);

-- Codes by which somebody shows that they are the one who writes from another address: only their hashes, each good once.
CREATE TABLE codes (
    hash       TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);
CREATE INDEX codes_contact ON codes (contact_id, created_at);

-- Codes that were tried and were none, so that nobody can try many.
CREATE TABLE wrong_codes (
    id         TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    at         TIMESTAMPTZ NOT NULL
);
CREATE INDEX wrong_codes_contact ON wrong_codes (contact_id, at);
