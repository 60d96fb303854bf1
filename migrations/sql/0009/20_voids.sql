-- A breach that an administrator took out of the reports. Nothing of it is deleted: the clock and its ledger stay.

ALTER TABLE sla_clocks
    ADD COLUMN voided_at timestamptz,
    ADD COLUMN voided_by uuid,
    ADD COLUMN void_reason text,
    ADD CONSTRAINT ck_sla_clocks_void CHECK (num_nonnulls(voided_at, voided_by, void_reason) IN (0, 3)
        AND (voided_at IS NULL OR breached_at IS NOT NULL));
