-- Passkeys: what their owner calls them, and what verifies them. `state` is what changes with each use, the counter with it.
CREATE TABLE passkeys (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL,
    credential TEXT NOT NULL UNIQUE,
    key        BYTEA NOT NULL,
    state      BYTEA NOT NULL,
    added_at   TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- What a browser was asked to sign; good once, for the one who was asked.
CREATE TABLE passkey_challenges (
    challenge  TEXT PRIMARY KEY,
    asked      TEXT NOT NULL,
    state      BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
