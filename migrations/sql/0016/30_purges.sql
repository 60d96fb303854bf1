-- Deleted tickets are kept for a while, then purged.

ALTER TABLE organizations ADD COLUMN purge_deleted_after_seconds bigint NOT NULL DEFAULT 2592000
    CONSTRAINT ck_organizations_purge CHECK (purge_deleted_after_seconds > 0);

-- With its clocks, comments, links and watchers, by their keys.
GRANT DELETE ON tickets TO psms_app;

CREATE POLICY purge ON tickets TO psms_claimer USING (deleted_at IS NOT NULL);
CREATE POLICY purge ON organizations FOR SELECT TO psms_claimer USING (true);
-- A row lock needs the right to update; the claimer changes nothing.
GRANT SELECT (organization_id, id, deleted_at), UPDATE (deleted_at) ON tickets TO psms_claimer;
GRANT SELECT (id, purge_deleted_after_seconds) ON organizations TO psms_claimer;
