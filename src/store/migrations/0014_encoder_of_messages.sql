-- The version of the encoder that made a message's embedding: those of two encoders cannot be compared. Of an embedding that was stored
-- before this it is not known, so it is compared with nothing.
ALTER TABLE messages ADD COLUMN encoder TEXT;
