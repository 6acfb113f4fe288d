-- One question waits for each who was asked, and those that have run out are found without reading all. What waits now is asked again.
DELETE FROM passkey_challenges;
CREATE UNIQUE INDEX passkey_challenges_asked ON passkey_challenges (asked);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
