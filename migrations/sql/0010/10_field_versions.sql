-- At which version each field of a ticket changed last, so that an edit made from a former version meets only the
-- edits of the same fields. A field that is not named has not changed since the column was there.
ALTER TABLE tickets ADD COLUMN field_versions jsonb NOT NULL DEFAULT '{}';

-- By a trigger, since a writer that forgot it would have somebody's edit overwritten.
CREATE FUNCTION psms_note_field_versions() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.field_versions := OLD.field_versions || coalesce((
        SELECT jsonb_object_agg(changed.field, NEW.version)
        FROM unnest(ARRAY[
            CASE WHEN NEW.subject IS DISTINCT FROM OLD.subject THEN 'subject' END,
            CASE WHEN NEW.description IS DISTINCT FROM OLD.description THEN 'description' END,
            CASE WHEN NEW.impact IS DISTINCT FROM OLD.impact THEN 'impact' END,
            CASE WHEN NEW.urgency IS DISTINCT FROM OLD.urgency THEN 'urgency' END,
            CASE WHEN NEW.priority IS DISTINCT FROM OLD.priority THEN 'priority' END,
            CASE WHEN NEW.priority_source IS DISTINCT FROM OLD.priority_source THEN 'priority_source' END,
            CASE WHEN NEW.priority_reason IS DISTINCT FROM OLD.priority_reason THEN 'priority_reason' END,
            CASE WHEN NEW.service_id IS DISTINCT FROM OLD.service_id THEN 'service_id' END,
            CASE WHEN NEW.assignee_id IS DISTINCT FROM OLD.assignee_id THEN 'assignee_id' END,
            CASE WHEN NEW.team_id IS DISTINCT FROM OLD.team_id THEN 'team_id' END,
            CASE WHEN NEW.tags IS DISTINCT FROM OLD.tags THEN 'tags' END,
            CASE WHEN NEW.custom_fields IS DISTINCT FROM OLD.custom_fields THEN 'custom_fields' END
        ]) AS changed (field)
        WHERE changed.field IS NOT NULL), '{}');
    RETURN NEW;
END
$$;

CREATE TRIGGER tickets_note_field_versions BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN (NEW.version IS DISTINCT FROM OLD.version) EXECUTE FUNCTION psms_note_field_versions();
