-- Data keys, each wrapped under a key-encryption key (KEK) that the database never sees, and the canary.

CREATE TABLE data_keys (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    -- Stands in the first bytes of everything that it encrypted, in four of them.
    id              bigint NOT NULL CONSTRAINT ck_data_keys_id CHECK (id BETWEEN 1 AND 4294967295),
    purpose         text NOT NULL CONSTRAINT ck_data_keys_purpose
        CHECK (purpose IN ('webhooks', 'personal', 'index', 'files')),
    version         integer NOT NULL,
    kek_id          text NOT NULL,
    -- Null once the key was shredded: what it encrypted is then lost, on purpose.
    wrapped         bytea,
    -- How many values processes have reserved to encrypt under it: never fewer than were encrypted.
    messages        bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    -- An index key that is used no longer, since all rows are indexed under the next one.
    retired_at      timestamptz,
    shredded_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_data_keys_shredded CHECK ((wrapped IS NULL) = (shredded_at IS NOT NULL))
);
CREATE UNIQUE INDEX uq_data_keys_version ON data_keys (organization_id, purpose, version);
-- The few that are due to be rotated; the bound is that of `psms.domain.data_keys`.
CREATE INDEX ix_data_keys_worn ON data_keys (organization_id) WHERE messages >= 268435456;

ALTER TABLE data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON data_keys TO psms_app
    USING (organization_id = (SELECT psms_organization()))
    WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT, INSERT, UPDATE (kek_id, wrapped, messages, retired_at, shredded_at) ON data_keys TO psms_app;

-- Which keys there are, and never the keys: to rotate the KEK, and to refuse a start without it.
CREATE POLICY claim ON data_keys FOR SELECT TO psms_claimer USING (true);
GRANT SELECT (organization_id, id, purpose, version, kek_id, messages, shredded_at) ON data_keys TO psms_claimer;

-- A known value, wrapped as data keys are: who cannot read it has the wrong KEK. Belongs to no tenant.
CREATE TABLE key_canary (
    single     boolean PRIMARY KEY DEFAULT true CONSTRAINT ck_key_canary_one CHECK (single),
    kek_id     text NOT NULL,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON key_canary TO psms_app;

-- Re-encryption goes through the organizations one by one; forced row-level security binds the owner too.
CREATE POLICY look_up ON organizations FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION psms_organization_ids(after uuid, at_most integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT id FROM organizations WHERE id > after ORDER BY id LIMIT at_most
$$;
REVOKE ALL ON FUNCTION psms_organization_ids(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_organization_ids(uuid, integer) TO psms_app;
