-- Takes back what 30_duties built.
DROP TABLE duties;
DROP INDEX ix_pages_user;
ALTER TABLE pages DROP COLUMN user_id, DROP COLUMN rule;
