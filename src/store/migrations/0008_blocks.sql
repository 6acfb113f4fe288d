-- Senders whose messages are kept, and neither become cases nor are answered.
CREATE TABLE blocks (
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    why     TEXT NOT NULL,
    since   TIMESTAMPTZ NOT NULL,
    actor   TEXT NOT NULL,
    PRIMARY KEY (channel, address)
);

-- How much came in from a sender, and on a channel, in the last hour.
CREATE INDEX messages_sender ON messages (channel, from_address, received_at);
CREATE INDEX messages_channel ON messages (channel, received_at);
