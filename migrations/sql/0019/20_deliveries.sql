-- Deliveries that wait for their turn, and attempts that tell what was asked of whom.

ALTER TABLE webhook_deliveries
    -- Deliveries of one endpoint with the same key go out one after the other, by their sequence; null: whenever.
    ADD COLUMN order_key uuid,
    -- Another one with the same key goes first; who settles that one lets the next go.
    ADD COLUMN behind boolean NOT NULL DEFAULT false;
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT ck_webhook_deliveries_trigger,
    ADD CONSTRAINT ck_webhook_deliveries_trigger CHECK (trigger IN ('auto', 'manual', 'test', 'replay'));
DROP INDEX ix_webhook_deliveries_due;
CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at, id)
    WHERE state = 'pending' AND NOT behind;
CREATE INDEX ix_webhook_deliveries_order ON webhook_deliveries (endpoint_id, order_key, sequence)
    WHERE order_key IS NOT NULL AND state IN ('pending', 'in_flight');

ALTER TABLE webhook_attempts
    ADD COLUMN url text,
    ADD COLUMN request_headers jsonb;

GRANT UPDATE (next_due_at, served_at, allowance, allowance_at, circuit, probe_at) ON webhook_lanes TO psms_claimer;
GRANT UPDATE (behind) ON webhook_deliveries TO psms_claimer;
