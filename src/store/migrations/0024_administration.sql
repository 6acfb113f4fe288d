-- What stood in a file of rules before somebody changed it on the portal, so that they can go back to it.
CREATE TABLE rule_versions (
    id          TEXT PRIMARY KEY,
    file        TEXT NOT NULL,
    text        TEXT NOT NULL,
    replaced_by TEXT NOT NULL,
    replaced_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX rule_versions_file ON rule_versions (file, replaced_at);

-- When each account last brought a message, and each channel last carried one.
CREATE INDEX inbox_account ON inbox (account, received_at);
CREATE INDEX outbox_sent ON outbox (channel, sent_at) WHERE status = 'sent';
