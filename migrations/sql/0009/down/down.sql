-- Takes back everything that 0009 built.
ALTER TABLE sla_rebases DROP COLUMN retry_at, DROP COLUMN error, DROP COLUMN failures, DROP COLUMN expected,
    DROP COLUMN started_at;
ALTER TABLE sla_clocks DROP CONSTRAINT ck_sla_clocks_void, DROP COLUMN void_reason, DROP COLUMN voided_by,
    DROP COLUMN voided_at;
DROP INDEX uq_sla_rebases_revision;
ALTER TABLE sla_rebases DROP CONSTRAINT ck_sla_rebases_book, DROP COLUMN book, DROP COLUMN revision;
ALTER TABLE tickets DROP COLUMN sla_followed;
