REVOKE SELECT (id, purge_deleted_after_seconds) ON organizations FROM psms_claimer;
REVOKE SELECT (organization_id, id, deleted_at), UPDATE (deleted_at) ON tickets FROM psms_claimer;
DROP POLICY purge ON organizations;
DROP POLICY purge ON tickets;
REVOKE DELETE ON tickets FROM psms_app;
ALTER TABLE organizations DROP COLUMN purge_deleted_after_seconds;
REVOKE UPDATE (ticket_id) ON comments FROM psms_app;
ALTER TABLE ticket_watchers DROP COLUMN by_merge;
DROP TABLE ticket_merge_watchers, ticket_merges, ticket_links;
