-- Takes back everything that 0005 built. Rows whose secret or address is encrypted cannot stay as they are.
ALTER TABLE webhook_secrets NO FORCE ROW LEVEL SECURITY;
DELETE FROM webhook_secrets WHERE secret IS NULL;
ALTER TABLE webhook_secrets FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_secrets DROP COLUMN secret_encrypted;
ALTER TABLE webhook_secrets ALTER COLUMN secret SET NOT NULL;

ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
UPDATE users SET email = id || '@lost.invalid' WHERE email IS NULL;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE users DROP COLUMN email_encrypted, DROP COLUMN email_index, DROP COLUMN email_index_even;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;

DROP FUNCTION psms_organization_ids(uuid, integer);
DROP POLICY look_up ON organizations;
DROP TABLE data_keys, key_canary;
