-- An address that blocked us is silent too, but only until it writes to us again: then it has let us in.
ALTER TABLE silences ADD COLUMN blocked BOOLEAN NOT NULL DEFAULT FALSE;

-- By which account somebody last wrote: a chat is answered by the bot it is with.
CREATE INDEX messages_from ON messages (from_address, received_at);
CREATE INDEX inbox_message ON inbox (message_id);
