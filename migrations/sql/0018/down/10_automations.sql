DROP TABLE automation_firings, automation_runs, automation_versions, automations;
-- The former release knows nobody but people who write.
DELETE FROM comments WHERE author_id IS NULL;
ALTER TABLE comments ALTER COLUMN author_id SET NOT NULL;
ALTER TABLE outbox DROP COLUMN depth;
ALTER TABLE organizations DROP COLUMN automated_events;
