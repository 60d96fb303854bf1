-- Notifications about an endpoint in place of a ticket. What they say is kept as it was: a mail may go out later.

ALTER TABLE notifications
    ALTER COLUMN ticket_id DROP NOT NULL,
    ADD COLUMN endpoint_id uuid,
    ADD COLUMN details jsonb,
    ADD CONSTRAINT ck_notifications_about CHECK (num_nonnulls(ticket_id, endpoint_id) = 1),
    ADD FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id) ON DELETE CASCADE;
CREATE INDEX ix_notifications_endpoint ON notifications (organization_id, endpoint_id) WHERE endpoint_id IS NOT NULL;
ALTER TABLE notifications
    DROP CONSTRAINT ck_notifications_rule,
    ADD CONSTRAINT ck_notifications_rule CHECK (rule IN ('watchers', 'team_duty', 'organization_duty', 'team_managers',
        'managers', 'admins', 'approver', 'requester', 'mentioned', 'webhooks'));
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead', 'watcher', 'duty', 'approver',
        'requester', 'mentioned', 'webhooks'));
