-- What tickets are found by: one row for each value of a field that the ticket's form lets be asked for. An index on
-- the JSON itself would not be used: behind the wall only leakproof operators reach an index, and those of jsonb and
-- arrays are not; nor could it begin with the organization, or end with the newest ticket.
CREATE TABLE ticket_field_values (
    organization_id uuid NOT NULL,
    key             text COLLATE "C" NOT NULL,
    value           text COLLATE "C" NOT NULL,
    ticket_id       uuid NOT NULL,
    PRIMARY KEY (organization_id, key, value, ticket_id)
);
SELECT psms_wall('ticket_field_values');
GRANT SELECT, INSERT, DELETE ON ticket_field_values TO psms_app;

-- A value as text that is in order where values are: numbers in millionths from the least possible one; null for what
-- no field can have.
CREATE FUNCTION psms_field_value(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE jsonb_typeof(value)
        WHEN 'string' THEN CASE WHEN length(value #>> '{}') <= 200 THEN value #>> '{}' END
        WHEN 'boolean' THEN value #>> '{}'
        WHEN 'number' THEN CASE WHEN abs(CAST(value AS numeric)) <= 1000000000000
            THEN lpad(CAST(round((CAST(value AS numeric) + 1000000000000) * 1000000) AS bigint)::text, 19, '0') END
        END
$$;

CREATE FUNCTION psms_field_values(organization uuid, service uuid, form_version integer, fields jsonb)
    RETURNS TABLE (key text, value text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT f.key, psms_field_value(one.value)
    FROM service_form_versions v
    CROSS JOIN LATERAL jsonb_each(fields) f
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE jsonb_typeof(f.value) WHEN 'array' THEN f.value ELSE jsonb_build_array(f.value) END) one
    WHERE v.organization_id = organization AND v.service_id = service AND v.version = form_version
        AND f.key = ANY (v.filter_keys) AND psms_field_value(one.value) IS NOT NULL
$$;

-- By a trigger, since a writer that forgot it would hide tickets from those who look for them.
CREATE FUNCTION psms_keep_field_values() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM ticket_field_values v USING (
            SELECT * FROM psms_field_values(OLD.organization_id, OLD.service_id, OLD.form_version, OLD.custom_fields)
            EXCEPT
            SELECT * FROM psms_field_values(NEW.organization_id, NEW.service_id, NEW.form_version, NEW.custom_fields)
        ) gone
        WHERE v.organization_id = OLD.organization_id AND v.key = gone.key AND v.value = gone.value
            AND v.ticket_id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO ticket_field_values (organization_id, key, value, ticket_id)
        SELECT NEW.organization_id, come.key, come.value, NEW.id
        FROM psms_field_values(NEW.organization_id, NEW.service_id, NEW.form_version, NEW.custom_fields) come
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tickets_keep_field_values AFTER INSERT ON tickets
    FOR EACH ROW WHEN (NEW.form_version IS NOT NULL) EXECUTE FUNCTION psms_keep_field_values();
CREATE TRIGGER tickets_move_field_values AFTER UPDATE OF custom_fields, form_version, service_id ON tickets
    FOR EACH ROW WHEN ((OLD.custom_fields, OLD.form_version, OLD.service_id)
        IS DISTINCT FROM (NEW.custom_fields, NEW.form_version, NEW.service_id))
    EXECUTE FUNCTION psms_keep_field_values();
CREATE TRIGGER tickets_drop_field_values AFTER DELETE ON tickets
    FOR EACH ROW WHEN (OLD.form_version IS NOT NULL) EXECUTE FUNCTION psms_keep_field_values();
