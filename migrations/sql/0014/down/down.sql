DROP TRIGGER tickets_note_key_versions ON tickets;
DROP FUNCTION psms_note_key_versions();
DROP TRIGGER tickets_drop_field_values ON tickets;
DROP TRIGGER tickets_move_field_values ON tickets;
DROP TRIGGER tickets_keep_field_values ON tickets;
DROP FUNCTION psms_keep_field_values();
DROP FUNCTION psms_field_values(uuid, uuid, integer, jsonb);
DROP FUNCTION psms_field_value(jsonb);
DROP TABLE ticket_field_values;
DROP TABLE service_form_versions;
ALTER TABLE services DROP COLUMN owner_id, DROP COLUMN default_team_id, DROP COLUMN category, DROP COLUMN position,
    DROP COLUMN visibility, DROP COLUMN visible_team_ids, DROP COLUMN sla_policy_id, DROP COLUMN form_version,
    DROP COLUMN incident_text, DROP COLUMN incident_since, DROP COLUMN incident_ticket_id;
