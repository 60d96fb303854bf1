-- Of custom fields, at which version each changed last, so that who edits one does not meet who edits another. What
-- was noted of them as one field before stays, and holds for each of them.
CREATE FUNCTION psms_note_key_versions() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NEW.field_versions := CASE WHEN OLD.field_versions ? 'custom_fields'
        THEN NEW.field_versions || jsonb_build_object('custom_fields', OLD.field_versions -> 'custom_fields')
        ELSE NEW.field_versions - 'custom_fields' END
        || coalesce((SELECT jsonb_object_agg('custom_fields.' || key, NEW.version)
            FROM jsonb_each(OLD.custom_fields) o FULL JOIN jsonb_each(NEW.custom_fields) n USING (key)
            WHERE o.value IS DISTINCT FROM n.value), '{}');
    RETURN NEW;
END
$$;
-- After tickets_note_field_versions, by its name.
CREATE TRIGGER tickets_note_key_versions BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN (NEW.version IS DISTINCT FROM OLD.version AND NEW.custom_fields IS DISTINCT FROM OLD.custom_fields)
    EXECUTE FUNCTION psms_note_key_versions();
