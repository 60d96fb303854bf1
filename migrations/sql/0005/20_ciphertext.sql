-- Columns for ciphertext beside those in clear, which `psms keys reencrypt` empties. No keys here.

ALTER TABLE webhook_secrets ALTER COLUMN secret DROP NOT NULL;
ALTER TABLE webhook_secrets ADD COLUMN secret_encrypted bytea;
ALTER TABLE webhook_secrets ADD CONSTRAINT ck_webhook_secrets_one
    CHECK (num_nonnulls(secret, secret_encrypted) = 1);

-- A service user has no address; a person has one, in clear until it is encrypted.
ALTER TABLE users ALTER COLUMN email DROP NOT NULL;
ALTER TABLE users ADD COLUMN email_encrypted bytea;
-- Under the index keys of odd and of even version: rows have both while that key changes.
ALTER TABLE users ADD COLUMN email_index bytea;
ALTER TABLE users ADD COLUMN email_index_even bytea;
ALTER TABLE users ADD CONSTRAINT ck_users_email
    CHECK (num_nonnulls(email, email_encrypted) = 1 OR (is_service AND num_nonnulls(email, email_encrypted) = 0));
ALTER TABLE users ADD CONSTRAINT ck_users_email_index
    CHECK ((email_encrypted IS NULL) = (num_nonnulls(email_index, email_index_even) = 0));
CREATE UNIQUE INDEX uq_users_email_index ON users (organization_id, email_index);
CREATE UNIQUE INDEX uq_users_email_index_even ON users (organization_id, email_index_even);

-- The addresses in the trail, once, before anything is sealed: from now on they are not logged at all.
ALTER TABLE logs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE logs DISABLE TRIGGER logs_append_only;
UPDATE logs SET after = jsonb_set(after, '{email}', '"[not logged]"')
WHERE target_type = 'user' AND after ? 'email';
ALTER TABLE logs ENABLE TRIGGER logs_append_only;
ALTER TABLE logs FORCE ROW LEVEL SECURITY;
