-- One file for SQLite and PostgreSQL: only TEXT, BIGINT, BOOLEAN, DOUBLE PRECISION, JSONB, BYTEA and TIMESTAMPTZ,
-- which round-trip on both. Migrations are append-only: a change is a new file.

-- One row for each delivery to a watched account: the bytes as they came, kept for replay.
CREATE TABLE inbox (
    id              TEXT PRIMARY KEY,
    channel         TEXT NOT NULL,
    account         TEXT NOT NULL,
    external_id     TEXT NOT NULL,
    raw             BYTEA NOT NULL,
    size            BIGINT NOT NULL,
    received_at     TIMESTAMPTZ NOT NULL,
    arrived_at      TIMESTAMPTZ,
    status          TEXT NOT NULL CHECK (status IN ('new', 'done', 'quarantined')),
    outcome         TEXT CHECK (outcome IN ('new_case', 'joined', 'set_aside')),
    reason          TEXT,
    message_id      TEXT,
    attempts        BIGINT NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    lease_token     TEXT,
    lease_until     TIMESTAMPTZ,
    done_at         TIMESTAMPTZ,
    UNIQUE (account, external_id)
);
CREATE INDEX inbox_due ON inbox (status, next_attempt_at);

-- How far each watched account was read, and how it fares.
CREATE TABLE cursors (
    account      TEXT PRIMARY KEY,
    uid_validity BIGINT NOT NULL,
    last_uid     BIGINT NOT NULL,
    ok_at        TIMESTAMPTZ,
    failed_at    TIMESTAMPTZ,
    error        TEXT,
    lease_holder TEXT,
    lease_until  TIMESTAMPTZ
);

CREATE TABLE contacts (
    id         TEXT PRIMARY KEY,
    name       TEXT,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE contact_points (
    channel    TEXT NOT NULL,
    address    TEXT NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    PRIMARY KEY (channel, address)
);

CREATE TABLE cases (
    id          TEXT PRIMARY KEY,
    reference   TEXT NOT NULL UNIQUE,
    contact_id  TEXT REFERENCES contacts (id),
    state       TEXT NOT NULL,
    service     TEXT NOT NULL,
    department  TEXT NOT NULL,
    priority    TEXT NOT NULL,
    ward        TEXT,
    councillor  TEXT,
    place       JSONB,
    title       TEXT NOT NULL,
    language    TEXT NOT NULL,
    confidence  DOUBLE PRECISION NOT NULL,
    disposition TEXT NOT NULL,
    consent     TEXT NOT NULL,
    hold_reason TEXT,
    attention   TEXT,
    received_at TIMESTAMPTZ NOT NULL,
    opened_at   TIMESTAMPTZ NOT NULL,
    due_on      TEXT NOT NULL,
    routed_at   TIMESTAMPTZ,
    closed_at   TIMESTAMPTZ,
    changed_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX cases_state ON cases (state, received_at);
CREATE INDEX cases_service ON cases (service, received_at);

CREATE TABLE messages (
    id             TEXT PRIMARY KEY,
    case_id        TEXT REFERENCES cases (id),
    channel        TEXT NOT NULL,
    party          TEXT NOT NULL,
    contact_id     TEXT REFERENCES contacts (id),
    from_email     TEXT,
    from_name      TEXT,
    subject        TEXT NOT NULL,
    body           TEXT NOT NULL,
    folded         TEXT NOT NULL,
    language       TEXT,
    rfc_message_id TEXT,
    fingerprint    TEXT NOT NULL UNIQUE,
    sender         JSONB NOT NULL,
    automatic      TEXT,
    no_auto_answer TEXT,
    embedding      BYTEA,
    sent_at        TIMESTAMPTZ,
    received_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX messages_case ON messages (case_id, received_at);

-- The councillors a message was written to: the same mail in two watched mailboxes is one message with two of them.
CREATE TABLE message_councillors (
    message_id TEXT NOT NULL REFERENCES messages (id),
    councillor TEXT NOT NULL,
    PRIMARY KEY (message_id, councillor)
);

-- Message-IDs we took in or sent, and the case they belong to.
CREATE TABLE thread_ids (
    rfc_message_id TEXT PRIMARY KEY,
    case_id        TEXT NOT NULL REFERENCES cases (id),
    party          TEXT NOT NULL,
    ours           BOOLEAN NOT NULL
);

CREATE TABLE blobs (
    sha256 TEXT PRIMARY KEY,
    bytes  BYTEA NOT NULL,
    size   BIGINT NOT NULL
);
CREATE TABLE attachments (
    message_id   TEXT NOT NULL REFERENCES messages (id),
    position     BIGINT NOT NULL,
    name         TEXT NOT NULL,
    content_type TEXT NOT NULL,
    sha256       TEXT NOT NULL REFERENCES blobs (sha256),
    size         BIGINT NOT NULL,
    refused      TEXT,
    PRIMARY KEY (message_id, position)
);

-- One case belongs to another (join) or might (maybe). Ended, never deleted: that is what makes it undoable.
CREATE TABLE links (
    id         TEXT PRIMARY KEY,
    child      TEXT NOT NULL REFERENCES cases (id),
    parent     TEXT NOT NULL REFERENCES cases (id),
    kind       TEXT NOT NULL CHECK (kind IN ('join', 'maybe')),
    score      DOUBLE PRECISION NOT NULL,
    why        TEXT NOT NULL,
    child_state TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    created_by TEXT NOT NULL,
    ended_at   TIMESTAMPTZ,
    ended_by   TEXT
);
CREATE UNIQUE INDEX links_one_join ON links (child) WHERE kind = 'join' AND ended_at IS NULL;
CREATE INDEX links_parent ON links (parent);

CREATE TABLE decisions (
    id         TEXT PRIMARY KEY,
    case_id    TEXT REFERENCES cases (id),
    message_id TEXT REFERENCES messages (id),
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    decided    JSONB NOT NULL,
    evidence   JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX decisions_case ON decisions (case_id, created_at);

-- Who read or did what. Append-only: the program has no statement that changes or deletes a row of it.
CREATE TABLE audit (
    id         TEXT PRIMARY KEY,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    detail     JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX audit_object ON audit (object, created_at);

-- What is to be sent. The words are fixed when the row is written, so that a second try sends the same mail.
CREATE TABLE outbox (
    id              TEXT PRIMARY KEY,
    case_id         TEXT NOT NULL REFERENCES cases (id),
    purpose         TEXT NOT NULL,
    party           TEXT NOT NULL,
    idempotency_key TEXT NOT NULL UNIQUE,
    rfc_message_id  TEXT NOT NULL UNIQUE,
    mail            JSONB NOT NULL,
    recipient       TEXT NOT NULL,
    topic           TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('held', 'queued', 'sending', 'sent', 'uncertain', 'failed', 'cancelled')),
    reason          TEXT,
    attempts        BIGINT NOT NULL,
    next_attempt_at TIMESTAMPTZ NOT NULL,
    lease_token     TEXT,
    lease_until     TIMESTAMPTZ,
    created_at      TIMESTAMPTZ NOT NULL,
    sent_at         TIMESTAMPTZ
);
CREATE INDEX outbox_due ON outbox (status, next_attempt_at);
CREATE INDEX outbox_case ON outbox (case_id, created_at);
CREATE INDEX outbox_recipient ON outbox (recipient, created_at);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    actor      TEXT NOT NULL,
    csrf       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
