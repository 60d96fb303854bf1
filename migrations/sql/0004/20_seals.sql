-- What proves the log: entries that wait for their seal, the seals, how far each chain is signed, the signatures.

-- Sealing is work, and work is a row: written with the entry it is about, deleted with the seal.
CREATE TABLE log_unsealed (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL,
    log_id          uuid NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE TABLE log_seals (
    organization_id uuid NOT NULL,
    seq             bigint NOT NULL CONSTRAINT ck_log_seals_seq CHECK (seq > 0),
    log_id          uuid NOT NULL,
    hash            bytea NOT NULL CONSTRAINT ck_log_seals_hash CHECK (length(hash) = 32),
    PRIMARY KEY (organization_id, seq)
);
CREATE UNIQUE INDEX uq_log_seals_log ON log_seals (organization_id, log_id);

-- How far the chain of an organization goes and how much of it is signed. A convenience: it proves nothing.
CREATE TABLE log_heads (
    organization_id uuid PRIMARY KEY,
    seq             bigint NOT NULL,
    signed_seq      bigint NOT NULL DEFAULT 0,
    unsigned_since  timestamptz
) WITH (fillfactor = 50);
CREATE INDEX ix_log_heads_unsigned ON log_heads (unsigned_since) WHERE unsigned_since IS NOT NULL;

CREATE TABLE log_checkpoints (
    organization_id uuid NOT NULL,
    seq             bigint NOT NULL,
    hash            bytea NOT NULL,
    at              timestamptz NOT NULL,
    key_id          text NOT NULL,
    signature       bytea NOT NULL,
    PRIMARY KEY (organization_id, seq)
);

-- Whoever writes an entry, in whatever way, leaves it waiting for its seal.
CREATE FUNCTION psms_await_seal() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log_unsealed (organization_id, log_id) VALUES (NEW.organization_id, NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER logs_await_seal AFTER INSERT ON logs FOR EACH ROW EXECUTE FUNCTION psms_await_seal();

-- What was written before there were seals. Forced row-level security binds the owner too, hence the policy.
CREATE POLICY migration ON logs FOR SELECT TO CURRENT_USER USING (true);
INSERT INTO log_unsealed (organization_id, log_id) SELECT organization_id, id FROM logs ORDER BY id;
DROP POLICY migration ON logs;

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['log_unsealed', 'log_seals', 'log_heads', 'log_checkpoints'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY organization ON %I TO psms_app
                USING (organization_id = (SELECT psms_organization()))
                WITH CHECK (organization_id = (SELECT psms_organization()))', tenant_table);
    END LOOP;
    FOREACH tenant_table IN ARRAY ARRAY['log_seals', 'log_checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION psms_refuse_change()', tenant_table || '_append_only', tenant_table);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION psms_refuse_change()', tenant_table || '_no_truncate', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, DELETE ON log_unsealed TO psms_app;
GRANT SELECT, INSERT ON log_seals, log_checkpoints TO psms_app;
GRANT SELECT, INSERT, UPDATE ON log_heads TO psms_app;

-- The claimer finds which organizations have something to seal, to sign or to verify; it reads no entry.
CREATE POLICY claim ON log_unsealed FOR SELECT TO psms_claimer USING (true);
CREATE POLICY claim ON log_heads FOR SELECT TO psms_claimer USING (true);
CREATE POLICY claim ON log_seals FOR SELECT TO psms_claimer USING (true);
CREATE POLICY claim ON log_checkpoints FOR SELECT TO psms_claimer USING (true);
GRANT SELECT ON log_unsealed, log_heads TO psms_claimer;
GRANT SELECT (organization_id, seq) ON log_seals, log_checkpoints TO psms_claimer;
