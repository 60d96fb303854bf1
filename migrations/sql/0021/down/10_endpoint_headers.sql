DROP INDEX ix_webhook_endpoints_id;
DROP FUNCTION psms_webhook_keys(uuid);
DROP POLICY look_up ON webhook_endpoints;
DROP POLICY look_up ON webhook_secrets;
ALTER TABLE webhook_lanes DROP CONSTRAINT ck_webhook_lanes_max_in_flight;
ALTER TABLE webhook_endpoints DROP COLUMN header_names;
