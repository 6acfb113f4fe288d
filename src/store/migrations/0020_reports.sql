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
