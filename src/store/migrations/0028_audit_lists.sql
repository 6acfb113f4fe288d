-- The trail is looked through by who did something and by what was done: without these every such list walks all of it.
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_action ON audit (action, id);
