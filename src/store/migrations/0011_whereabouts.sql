-- What others said of a what3words address or a short link: each is asked for once.
CREATE TABLE whereabouts (
    kind      TEXT NOT NULL CHECK (kind IN ('three_words', 'short_link')),
    address   TEXT NOT NULL,
    points_to JSONB NOT NULL,
    asked_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kind, address)
);
