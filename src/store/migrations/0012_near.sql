-- By what open cases are found again: the square of about 500 m that they lie in (core/square.rs), their service, and what their
-- words are like (casework/sketch.rs). All of it can be worked out anew; `indexed` says by which version it was.
ALTER TABLE cases ADD COLUMN square BIGINT;
ALTER TABLE cases ADD COLUMN lat DOUBLE PRECISION;
ALTER TABLE cases ADD COLUMN lon DOUBLE PRECISION;
ALTER TABLE cases ADD COLUMN sketch BYTEA;
ALTER TABLE cases ADD COLUMN indexed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX cases_indexed ON cases (indexed);
CREATE INDEX cases_changed ON cases (changed_at);
CREATE INDEX cases_square ON cases (square, received_at, id) WHERE state NOT IN ('closed', 'joined');
CREATE INDEX cases_square_closed ON cases (square, closed_at, id) WHERE state = 'closed';
CREATE INDEX cases_service_open ON cases (service, received_at, id) WHERE state NOT IN ('closed', 'joined');
CREATE INDEX cases_unplaced ON cases (service, received_at, id) WHERE square IS NULL AND state NOT IN ('closed', 'joined');

-- Cases whose words mean nearly the same share a band, likely. Only those of open cases are looked through.
CREATE TABLE case_bands (
    case_id TEXT NOT NULL REFERENCES cases (id),
    band    BIGINT NOT NULL,
    at      TIMESTAMPTZ NOT NULL,
    open    BOOLEAN NOT NULL,
    placed  BOOLEAN NOT NULL,
    PRIMARY KEY (case_id, band)
);
CREATE INDEX case_bands_open ON case_bands (band, at, case_id) WHERE open;
CREATE INDEX case_bands_unplaced ON case_bands (band, at, case_id) WHERE open AND NOT placed;
