-- What is open and overdue is counted from the index alone, and the few cases about somebody's safety, which are in no such list, from theirs.
DROP INDEX cases_due;
CREATE INDEX cases_due ON cases (due_on, id, consent, service, department) WHERE state NOT IN ('closed', 'joined');
CREATE INDEX cases_worry ON cases (due_on)
    WHERE state NOT IN ('closed', 'joined') AND substr(COALESCE(hold_reason, ''), 1, 14) = 'Safeguarding: ';
