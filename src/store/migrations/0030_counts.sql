-- What pages count, so that none of them walks all cases, or everything that was ever sent.
-- Cases of late by service and department.
CREATE INDEX cases_received_counts ON cases (received_at, service, department, consent);
-- What is joined, by councillor.
CREATE INDEX cases_joined ON cases (councillor) WHERE state = 'joined';
-- When each channel last carried something, and when each account was last heard from.
CREATE INDEX outbox_newest ON outbox (channel, sent_at) WHERE status = 'sent';
CREATE INDEX inbox_newest ON inbox (account, received_at);
-- What one person did of one kind.
CREATE INDEX audit_actor_action ON audit (actor, action, id);
-- What a department has.
CREATE INDEX cases_department ON cases (department);
