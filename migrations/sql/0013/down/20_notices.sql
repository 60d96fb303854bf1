-- Takes back what 20_notices built. What waits for approvers goes to nobody.
ALTER TABLE mails NO FORCE ROW LEVEL SECURITY;
ALTER TABLE notifications NO FORCE ROW LEVEL SECURITY;
DELETE FROM notifications WHERE rule = 'approver';
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead', 'watcher', 'duty'));
ALTER TABLE notifications
    DROP CONSTRAINT ck_notifications_rule,
    ADD CONSTRAINT ck_notifications_rule
        CHECK (rule IN ('watchers', 'team_duty', 'organization_duty', 'team_managers', 'managers', 'admins'));
