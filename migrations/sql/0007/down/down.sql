-- Takes back everything that 0007 built. Endpoints of PagerDuty would be called as partners are: they go.
DROP TABLE pages;
ALTER TABLE webhook_endpoints NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_lanes NO FORCE ROW LEVEL SECURITY;
UPDATE webhook_lanes l SET open = false, removed = true FROM webhook_endpoints e
    WHERE e.organization_id = l.organization_id AND e.id = l.endpoint_id AND e.kind <> 'webhook';
UPDATE webhook_endpoints SET state = 'deleted' WHERE kind <> 'webhook';
ALTER TABLE webhook_lanes FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints DROP COLUMN kind;

DROP TABLE mails;
DROP POLICY claim ON notifications;
REVOKE ALL ON notifications FROM psms_claimer;
REVOKE UPDATE (fanned_out_at) ON notifications FROM psms_app;
ALTER TABLE notifications DROP COLUMN fanned_out_at;
