-- Takes back everything that 0012 built.
DROP TABLE workflow_signals, workflow_steps, workflow_runs;
ALTER TABLE organizations DROP COLUMN auto_close_after_seconds;
