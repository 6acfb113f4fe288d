-- What reports count from. They are brought up to date by what happened since they were last asked for: changed cases (0012), decisions,
-- answers that went to residents.
CREATE INDEX decisions_created ON decisions (created_at);
CREATE INDEX outbox_answers ON outbox (sent_at) WHERE party = 'resident' AND status = 'sent';

-- The lists of a councillor, of a ward, and of what is late: in the order in which they are read.
CREATE INDEX cases_councillor_due ON cases (councillor, due_on, id) WHERE state NOT IN ('closed', 'joined');
CREATE INDEX cases_councillor_closed ON cases (councillor, closed_at, id) WHERE state = 'closed';
CREATE INDEX cases_ward ON cases (ward, received_at, id);
CREATE INDEX cases_ward_due ON cases (ward, due_on, id) WHERE state NOT IN ('closed', 'joined');
CREATE INDEX cases_due ON cases (due_on, id) WHERE state NOT IN ('closed', 'joined');
CREATE INDEX cases_ward_closed ON cases (ward, closed_at, id) WHERE state = 'closed';

-- The order of the list of cases, as store/case.rs has it.
CREATE INDEX cases_queue ON cases (
    (CASE WHEN attention IS NULL THEN 1 ELSE 0 END),
    (CASE state WHEN 'held' THEN 0 WHEN 'review' THEN 1 WHEN 'routed' THEN 2 ELSE 3 END),
    (CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END), received_at, id);
-- What of the outbox waits, beside all that has gone.
CREATE INDEX outbox_waiting ON outbox (status, channel) WHERE status IN ('held', 'failed', 'uncertain', 'queued');
