-- Takes back what 10_teams built. Agreements between teams are switched off: the former release does not know them.

ALTER TABLE sla_clocks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policies NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policy_versions NO FORCE ROW LEVEL SECURITY;
DELETE FROM sla_clocks WHERE metric = 'with_team';
UPDATE sla_policies p SET active = false FROM sla_policy_versions v
WHERE v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.definition_version
    AND v.definition -> 'targets' ? 'with_team';
ALTER TABLE sla_policy_versions DISABLE TRIGGER sla_policy_versions_append_only;
UPDATE sla_policy_versions SET definition = definition || '{"targets": {"resolution": {"seconds": 315360000}}}'
WHERE definition -> 'targets' ? 'with_team';
ALTER TABLE sla_policy_versions ENABLE TRIGGER sla_policy_versions_append_only;
ALTER TABLE sla_policy_versions FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policies FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_clocks FORCE ROW LEVEL SECURITY;

DROP INDEX ix_sla_clocks_team;
ALTER TABLE sla_clocks
    DROP CONSTRAINT ck_sla_clocks_team,
    DROP COLUMN stay_team_id,
    DROP CONSTRAINT ck_sla_clocks_metric,
    ADD CONSTRAINT ck_sla_clocks_metric
        CHECK (metric IN ('first_response', 'next_response', 'periodic_update', 'resolution'));
