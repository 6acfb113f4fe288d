-- People with an account. A user name is kept as it is compared: lower case.
CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    user_name  TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    email      TEXT,
    password   TEXT,
    totp       TEXT,
    totp_step  BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    ended_at   TIMESTAMPTZ
);

-- What they are. `councillor` is whom a role is for: the councillor themselves, or the one a gatekeeper acts for; none is all.
CREATE TABLE grants (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    role       TEXT NOT NULL CHECK (role IN ('administrator', 'gatekeeper', 'councillor')),
    councillor TEXT,
    until_at   TIMESTAMPTZ,
    given_at   TIMESTAMPTZ NOT NULL,
    given_by   TEXT NOT NULL,
    ended_at   TIMESTAMPTZ,
    ended_by   TEXT
);
CREATE INDEX grants_user ON grants (user_id) WHERE ended_at IS NULL;

-- A link with which somebody sets their password, once.
CREATE TABLE invitations (
    token_hash TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    expires_at TIMESTAMPTZ NOT NULL
);

-- Sessions begin anew: they belong to somebody now.
DROP TABLE sessions;
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    user_id    TEXT NOT NULL REFERENCES users (id),
    csrf       TEXT NOT NULL,
    device     TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

-- The one administrator there was.
INSERT INTO users (id, user_name, name, password, created_at)
    SELECT 'administrator', 'administrator', 'Administrator', value, CURRENT_TIMESTAMP FROM settings WHERE key = 'admin.password';
INSERT INTO grants (id, user_id, role, given_at, given_by)
    SELECT 'administrator-' || r.role, u.id, r.role, u.created_at, 'beadle'
    FROM users u, (SELECT 'administrator' AS role UNION ALL SELECT 'gatekeeper') AS r;
DELETE FROM settings WHERE key = 'admin.password';

-- The audit trail as a chain: each row's hash covers the one before it, so that a row that was changed, taken out or put in shows.
CREATE TABLE audit_seals (
    number     BIGINT PRIMARY KEY,
    audit_id   TEXT NOT NULL UNIQUE REFERENCES audit (id),
    hash       TEXT NOT NULL
);
