-- How the receivers of a notification were chosen, and why a mail goes to its reader.

-- Null: as its user and team say. Watchers are looked up when the mails are made, all others when it is written.
ALTER TABLE notifications ADD COLUMN rule text CONSTRAINT ck_notifications_rule
    CHECK (rule IN ('watchers', 'team_duty', 'organization_duty', 'team_managers', 'managers', 'admins'));
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead', 'watcher', 'duty'));
