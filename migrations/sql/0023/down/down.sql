-- Takes back what 0023 built. The former release can only tell of tickets: what it was to tell of endpoints goes.

ALTER TABLE notifications NO FORCE ROW LEVEL SECURITY;
ALTER TABLE mails NO FORCE ROW LEVEL SECURITY;
DELETE FROM mails WHERE reason = 'webhooks';
DELETE FROM notifications WHERE endpoint_id IS NOT NULL;
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead', 'watcher', 'duty', 'approver',
        'requester', 'mentioned'));
ALTER TABLE notifications
    DROP CONSTRAINT ck_notifications_rule,
    ADD CONSTRAINT ck_notifications_rule CHECK (rule IN ('watchers', 'team_duty', 'organization_duty', 'team_managers',
        'managers', 'admins', 'approver', 'requester', 'mentioned')),
    DROP CONSTRAINT ck_notifications_about,
    DROP COLUMN endpoint_id,
    DROP COLUMN details,
    ALTER COLUMN ticket_id SET NOT NULL;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;

ALTER TABLE outbox DROP COLUMN except_endpoint_id;
-- A backlog that is being thrown away is delivered by the former release.
ALTER TABLE webhook_lanes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints NO FORCE ROW LEVEL SECURITY;
UPDATE webhook_lanes l SET open = true, next_due_at = psms_now(), discard_before = NULL FROM webhook_endpoints p
    WHERE p.organization_id = l.organization_id AND p.id = l.endpoint_id AND p.state = 'active'
      AND l.discard_before IS NOT NULL;
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_lanes FORCE ROW LEVEL SECURITY;
DROP INDEX ix_webhook_lanes_closed, ix_webhook_lanes_discard;
ALTER TABLE webhook_lanes DROP COLUMN discarded_to;
DROP POLICY claim ON webhook_endpoints;
REVOKE ALL ON webhook_endpoints FROM psms_claimer;
ALTER TABLE webhook_endpoints DROP COLUMN notice_due_at;
