-- What stands where of one councillor is counted from narrow indexes alone. Their conditions are the words of `count_by_state_of`, and they
-- hold nothing that a list is sorted by, so that no list is tempted to take them.
CREATE INDEX cases_councillor_waiting ON cases (councillor, state) WHERE state IN ('review', 'held', 'routed');
CREATE INDEX cases_councillor_count ON cases (councillor) WHERE state = 'closed';
-- What a ward's list passes over on the way to a later page is looked at in the index alone. Of why a case is held, only whether it is about
-- somebody's safety.
DROP INDEX cases_ward;
CREATE INDEX cases_ward ON cases (ward, received_at, id, consent, substr(COALESCE(hold_reason, ''), 1, 14), service, department);
DROP INDEX cases_ward_closed;
CREATE INDEX cases_ward_closed ON cases (ward, closed_at, id, consent, substr(COALESCE(hold_reason, ''), 1, 14), service, department)
    WHERE state = 'closed';
