-- Who uses the form on the web is told a reference at once, before anybody has read what they wrote. Their case is opened under it,
-- and nobody else's is.
CREATE TABLE promised_references (
    account     TEXT NOT NULL,
    external_id TEXT NOT NULL,
    reference   TEXT NOT NULL UNIQUE,
    PRIMARY KEY (account, external_id)
);
