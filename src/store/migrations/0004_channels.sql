-- More channels than mail. A message's sender is an address of its channel: a mail address, a telephone number, a chat.
ALTER TABLE messages RENAME COLUMN from_email TO from_address;

-- What is sent goes by a channel, and has a name there by which its provider tells how it went. An answer to STOP or HELP may
-- belong to no case, so the table is made anew without that demand.
CREATE TABLE outgoing (
    id              TEXT PRIMARY KEY,
    case_id         TEXT REFERENCES cases (id),
    channel         TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    party           TEXT NOT NULL,
    idempotency_key TEXT NOT NULL UNIQUE,
    rfc_message_id  TEXT NOT NULL UNIQUE,
    provider_id     TEXT,
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
INSERT INTO outgoing (id, case_id, channel, purpose, party, idempotency_key, rfc_message_id, mail, recipient, topic, status, reason,
                      attempts, next_attempt_at, lease_token, lease_until, created_at, sent_at)
    SELECT id, case_id, 'email', purpose, party, idempotency_key, rfc_message_id, mail, recipient, topic, status, reason,
           attempts, next_attempt_at, lease_token, lease_until, created_at, sent_at
    FROM outbox;
DROP TABLE outbox;
ALTER TABLE outgoing RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (status, next_attempt_at);
CREATE INDEX outbox_case ON outbox (case_id, created_at);
CREATE INDEX outbox_recipient ON outbox (recipient, created_at);
CREATE INDEX outbox_provider ON outbox (provider_id);

-- The question that a resident was asked and has not answered yet: place or problem.
ALTER TABLE cases ADD COLUMN asked TEXT;

-- Addresses that asked for silence (STOP): nothing goes there but the answer to what they ask for themselves.
CREATE TABLE silences (
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    since   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (channel, address)
);
