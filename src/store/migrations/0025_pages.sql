-- What pages ask, so that each finds its rows in the order in which it shows them.
-- The list of cases in one state, as store/case.rs has it.
CREATE INDEX cases_state_queue ON cases (
    state, (CASE WHEN attention IS NULL THEN 1 ELSE 0 END),
    (CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END), received_at, id);
-- What is to be sent, and what is being sent: without all that has gone, by which nothing should be looked for.
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (next_attempt_at, id) WHERE status = 'queued';
CREATE INDEX outbox_sending ON outbox (lease_until) WHERE status = 'sending';
CREATE INDEX outbox_listed ON outbox (status, created_at, id) WHERE status <> 'sent';
CREATE INDEX outbox_letters ON outbox (status, created_at, id) WHERE channel = 'letter';
