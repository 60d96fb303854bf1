-- Calendars, and policies as versions that never change; an organization's revision says when to read them again.

-- Counted by each save of a calendar or policy, in its transaction.
ALTER TABLE organizations ADD COLUMN sla_revision bigint NOT NULL DEFAULT 0;

-- A calendar that is not active can be chosen no more; clocks that it measured keep its versions.
CREATE TABLE calendars (
    organization_id    uuid NOT NULL REFERENCES organizations (id),
    id                 uuid NOT NULL,
    name               text NOT NULL,
    definition_version integer NOT NULL DEFAULT 1,
    active             boolean NOT NULL DEFAULT true,
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX uq_calendars_name ON calendars (organization_id, lower(name)) WHERE active;

CREATE TABLE calendar_versions (
    organization_id uuid NOT NULL,
    calendar_id     uuid NOT NULL,
    version         integer NOT NULL,
    definition      jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    created_by      uuid,
    PRIMARY KEY (organization_id, calendar_id, version),
    FOREIGN KEY (organization_id, calendar_id) REFERENCES calendars (organization_id, id)
);

CREATE TABLE sla_policy_versions (
    organization_id uuid NOT NULL,
    policy_id       uuid NOT NULL,
    version         bigint NOT NULL,
    definition      jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    -- Null: written by a release that had no versions.
    created_by      uuid,
    PRIMARY KEY (organization_id, policy_id, version),
    FOREIGN KEY (organization_id, policy_id) REFERENCES sla_policies (organization_id, id)
);

-- Forced row-level security binds the owner too, who would see no rows.
ALTER TABLE sla_policies NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_clocks NO FORCE ROW LEVEL SECURITY;

-- What a policy of the former release promised, word for word: all the time counted, and nothing was granted to a
-- ticket that was reopened.
CREATE FUNCTION psms_former_target(seconds integer, pause_on jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'seconds', seconds, 'calendar_id', NULL, 'pause_on', pause_on, 'reopening', 'resume', 'reopen_floor_percent', 0,
        'levels', '[{"id": "at_risk", "percent": 80, "actions": [{"type": "event"}]},
                    {"id": "breach", "percent": 100,
                     "actions": [{"type": "raise_priority"}, {"type": "notify", "to": "assignee"}]}]'::jsonb)
$$;
CREATE FUNCTION psms_former_policy(priority text, first_response integer, resolution integer) RETURNS jsonb
    LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'conditions', jsonb_build_object(
            'service_ids', '[]'::jsonb, 'types', '[]'::jsonb,
            'priorities', CASE WHEN priority IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(priority) END,
            'tiers', '[]'::jsonb, 'tags', '[]'::jsonb, 'all_tags', '[]'::jsonb, 'no_tags', '[]'::jsonb,
            'custom_fields', '{}'::jsonb),
        'targets', CASE WHEN first_response IS NULL THEN '{}'::jsonb
            ELSE jsonb_build_object('first_response', psms_former_target(first_response, '[]')) END
            || CASE WHEN resolution IS NULL THEN '{}'::jsonb
            ELSE jsonb_build_object('resolution', psms_former_target(resolution, '["pending", "on_hold"]')) END)
$$;
INSERT INTO sla_policy_versions (organization_id, policy_id, version, definition, created_at)
SELECT organization_id, id, version, psms_former_policy(priority, first_response_seconds, resolution_seconds), updated_at
FROM sla_policies;
-- Versions that nobody kept, as far as clocks still tell what they promised.
INSERT INTO sla_policy_versions (organization_id, policy_id, version, definition, created_at)
SELECT c.organization_id, c.policy_id, c.policy_version,
    psms_former_policy(p.priority,
        max(extract(epoch FROM c.target)) FILTER (WHERE c.metric = 'first_response')::integer,
        max(extract(epoch FROM c.target)) FILTER (WHERE c.metric = 'resolution')::integer),
    min(c.started_at)
FROM sla_clocks c JOIN sla_policies p ON p.organization_id = c.organization_id AND p.id = c.policy_id
WHERE c.policy_version <> p.version
GROUP BY c.organization_id, c.policy_id, c.policy_version, p.priority;
DROP FUNCTION psms_former_policy(text, integer, integer), psms_former_target(integer, jsonb);

-- Asked in the order of their positions; of several with the same one the newest first. A former release asked the
-- policies that name a priority first.
ALTER TABLE sla_policies ADD COLUMN position integer NOT NULL DEFAULT 1000
    CONSTRAINT ck_sla_policies_position CHECK (position BETWEEN 1 AND 1000000);
ALTER TABLE sla_policies ADD COLUMN definition_version bigint NOT NULL DEFAULT 1;
UPDATE sla_policies SET definition_version = version, position = CASE WHEN priority IS NULL THEN 2000 ELSE 1000 END;
ALTER TABLE sla_policies DROP COLUMN priority, DROP COLUMN first_response_seconds, DROP COLUMN resolution_seconds;

ALTER TABLE sla_policies FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_clocks FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['calendars', 'calendar_versions', 'sla_policy_versions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY organization ON %I TO psms_app
                USING (organization_id = (SELECT psms_organization()))
                WITH CHECK (organization_id = (SELECT psms_organization()))', tenant_table);
    END LOOP;
    -- What a clock was measured by never changes: without the grant nor, whoever tries, by the trigger.
    FOREACH tenant_table IN ARRAY ARRAY['calendar_versions', 'sla_policy_versions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION psms_refuse_change()', tenant_table || '_append_only', tenant_table);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION psms_refuse_change()', tenant_table || '_no_truncate', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON calendars TO psms_app;
GRANT SELECT, INSERT ON calendar_versions, sla_policy_versions TO psms_app;
