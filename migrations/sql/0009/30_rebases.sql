-- Rebases that can be watched: when each began, how many tickets were found to look at, and what went wrong last.

ALTER TABLE sla_rebases
    ADD COLUMN started_at timestamptz,
    ADD COLUMN expected bigint,
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN error text,
    -- After a failure: others go first until then.
    ADD COLUMN retry_at timestamptz;
GRANT UPDATE (started_at, expected, failures, error, retry_at) ON sla_rebases TO psms_app;
