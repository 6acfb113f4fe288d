-- Reports take in what was rated since they were last asked for.
CREATE INDEX ratings_rated ON ratings (rated_at, case_id, score);
