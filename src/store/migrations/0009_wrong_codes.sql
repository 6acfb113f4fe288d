-- Codes that were tried and were none are only counted, so none of them needs a name.
CREATE TABLE counted_codes (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    at         TIMESTAMPTZ NOT NULL
);
INSERT INTO counted_codes (contact_id, at) SELECT contact_id, at FROM wrong_codes;
DROP TABLE wrong_codes;
ALTER TABLE counted_codes RENAME TO wrong_codes;
CREATE INDEX wrong_codes_contact ON wrong_codes (contact_id, at);
