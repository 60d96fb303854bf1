DROP TRIGGER tickets_note_field_versions ON tickets;
DROP FUNCTION psms_note_field_versions();
ALTER TABLE tickets DROP COLUMN field_versions, DROP COLUMN priority_source, DROP COLUMN priority_reason;
ALTER TABLE organizations DROP COLUMN priority_matrix;
