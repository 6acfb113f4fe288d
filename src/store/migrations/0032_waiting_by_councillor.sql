-- How many cases wait for whoever acts for some councillors is counted from the index alone.
DROP INDEX cases_waiting;
CREATE INDEX cases_waiting ON cases (
    (CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END), due_on, received_at, id, councillor
) WHERE (CASE WHEN state IN ('review', 'held') THEN 1 ELSE 0 END) = 1;
