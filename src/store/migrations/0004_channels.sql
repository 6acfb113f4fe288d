-- More channels than mail. A message's sender is an address of its channel: a mail address, a telephone number, a chat.
ALTER TABLE messages RENAME COLUMN from_email TO from_address;

-- What is sent goes by a channel, and has a name there by which its provider tells how it went.
ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'email';
ALTER TABLE outbox ADD COLUMN provider_id TEXT;
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
