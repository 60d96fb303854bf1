-- Takes back everything that 0006 built. A policy that the former release cannot say is switched off.

ALTER TABLE sla_policies NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policy_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policies ADD COLUMN priority text
    CONSTRAINT ck_sla_policies_priority CHECK (priority IN ('critical', 'high', 'medium', 'low'));
ALTER TABLE sla_policies ADD COLUMN first_response_seconds integer
    CONSTRAINT ck_sla_policies_first_response CHECK (first_response_seconds > 0);
ALTER TABLE sla_policies ADD COLUMN resolution_seconds integer
    CONSTRAINT ck_sla_policies_resolution CHECK (resolution_seconds > 0);
UPDATE sla_policies p SET
    priority = v.definition #>> '{conditions,priorities,0}',
    first_response_seconds = (v.definition #>> '{targets,first_response,seconds}')::integer,
    resolution_seconds = (v.definition #>> '{targets,resolution,seconds}')::integer
FROM sla_policy_versions v
WHERE v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.definition_version;
UPDATE sla_policies p SET active = false FROM sla_policy_versions v
WHERE v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.definition_version
    AND (jsonb_array_length(v.definition #> '{conditions,priorities}') > 1
        OR EXISTS (SELECT FROM jsonb_each(v.definition -> 'conditions') c (name, wanted)
            WHERE c.name <> 'priorities' AND c.wanted NOT IN ('[]', '{}')));
-- It promised what the former release does not know.
UPDATE sla_policies SET active = false, resolution_seconds = 315360000
WHERE num_nonnulls(first_response_seconds, resolution_seconds) = 0;
ALTER TABLE sla_policies ADD CONSTRAINT ck_sla_policies_promises
    CHECK (num_nonnulls(first_response_seconds, resolution_seconds) > 0);
ALTER TABLE sla_policies DROP COLUMN position, DROP COLUMN definition_version;
ALTER TABLE sla_policies FORCE ROW LEVEL SECURITY;

DROP TABLE sla_policy_versions, calendar_versions, calendars;
ALTER TABLE organizations DROP COLUMN sla_revision;
