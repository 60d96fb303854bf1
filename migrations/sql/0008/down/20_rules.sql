-- Takes back what 20_rules built. What waits for watchers goes to nobody.

ALTER TABLE mails NO FORCE ROW LEVEL SECURITY;
ALTER TABLE notifications NO FORCE ROW LEVEL SECURITY;
DELETE FROM notifications WHERE rule = 'watchers' AND fanned_out_at IS NULL;
UPDATE mails SET reason = 'lead' WHERE reason IN ('watcher', 'duty');
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead'));
ALTER TABLE notifications DROP COLUMN rule;
