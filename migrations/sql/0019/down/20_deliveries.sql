ALTER TABLE webhook_attempts DROP COLUMN url, DROP COLUMN request_headers;
ALTER TABLE webhook_deliveries NO FORCE ROW LEVEL SECURITY;
UPDATE webhook_deliveries SET trigger = 'manual' WHERE trigger = 'replay';
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT ck_webhook_deliveries_trigger,
    ADD CONSTRAINT ck_webhook_deliveries_trigger CHECK (trigger IN ('auto', 'manual', 'test'));
-- Their indexes go with the columns.
ALTER TABLE webhook_deliveries DROP COLUMN order_key, DROP COLUMN behind;
CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at, id) WHERE state = 'pending';
