-- What a service's form said from an instant on. Tickets name the version that they were filed with.
CREATE TABLE service_form_versions (
    organization_id uuid NOT NULL,
    service_id      uuid NOT NULL,
    version         integer NOT NULL,
    definition      jsonb NOT NULL,
    -- What follows from the definition: the fields that requesters see, and those by which tickets are found.
    requester_keys  text[] NOT NULL,
    filter_keys     text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    created_by      uuid,
    PRIMARY KEY (organization_id, service_id, version),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id)
);
SELECT psms_wall('service_form_versions');
-- A ticket's form never changes: without the grant nor, whoever tries, by the trigger.
CREATE TRIGGER service_form_versions_append_only BEFORE UPDATE OR DELETE ON service_form_versions
    FOR EACH ROW EXECUTE FUNCTION psms_refuse_change();
CREATE TRIGGER service_form_versions_no_truncate BEFORE TRUNCATE ON service_form_versions
    FOR EACH STATEMENT EXECUTE FUNCTION psms_refuse_change();
GRANT SELECT, INSERT ON service_form_versions TO psms_app;
