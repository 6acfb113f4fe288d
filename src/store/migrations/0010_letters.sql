-- How somebody who rang, or came to a surgery, wants to hear from us; none for messages that came in by themselves.
ALTER TABLE messages ADD COLUMN hear_by TEXT;
