-- The roles below the owner, the one clock, and what every policy asks. No tables here.

-- The application: sees one organization in each transaction.
-- The claimer: finds work that is due across organizations; taken by SET LOCAL ROLE, never by logging in.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'psms_app') THEN
        CREATE ROLE psms_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'psms_claimer') THEN
        CREATE ROLE psms_claimer NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
END
$$;
GRANT psms_claimer TO psms_app WITH INHERIT FALSE, SET TRUE;
GRANT USAGE ON SCHEMA public TO psms_app, psms_claimer;

-- The one clock of the installation. Tests move time by replacing this function in their own database.
CREATE FUNCTION psms_now() RETURNS timestamptz
    LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN clock_timestamp();

-- The organization of this transaction. After a local set_config the setting reads '', hence nullif.
CREATE FUNCTION psms_organization() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('psms.organization_id', true), '')::uuid;

-- The smallest UUIDv7 of an instant: the border between two time partitions.
CREATE FUNCTION psms_uuid_floor(at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- For append-only tables: a second wall behind the missing grants, which stops the owner too.
CREATE FUNCTION psms_refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- What must happen once per slot of time, however many Beats run, is unique here. Belongs to no tenant.
CREATE TABLE schedule_fires (
    name     text NOT NULL,
    slot     timestamptz NOT NULL,
    fired_at timestamptz NOT NULL,
    PRIMARY KEY (name, slot)
);
