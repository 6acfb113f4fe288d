-- Single sign-on: the name by which the council's provider knows somebody, and whom it showed to be that person. Nothing ever used the email.
ALTER TABLE users DROP COLUMN email;
ALTER TABLE users ADD COLUMN signs_on_as TEXT;
CREATE UNIQUE INDEX users_signs_on_as ON users (signs_on_as) WHERE signs_on_as IS NOT NULL AND ended_at IS NULL;
CREATE TABLE sign_ons (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    user_id   TEXT NOT NULL UNIQUE REFERENCES users (id),
    linked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, subject)
);
-- How a session was begun.
ALTER TABLE sessions ADD COLUMN begun_by TEXT NOT NULL DEFAULT 'password';
