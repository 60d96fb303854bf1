-- Approvers are told by mail.

ALTER TABLE notifications
    DROP CONSTRAINT ck_notifications_rule,
    ADD CONSTRAINT ck_notifications_rule CHECK (rule IN
        ('watchers', 'team_duty', 'organization_duty', 'team_managers', 'managers', 'admins', 'approver'));
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead', 'watcher', 'duty', 'approver'));
