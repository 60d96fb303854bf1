DROP TRIGGER tickets_state_follows_status ON tickets;
DROP FUNCTION psms_follow_status();
ALTER TABLE tickets DROP COLUMN state_id;
DROP TABLE ticket_states;
