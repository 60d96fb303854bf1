-- What must work before the tenant is known, and the upkeep of partitions: functions that run as their owner.

-- Forced row-level security binds the owner too, so these look-ups need a policy of their own.
CREATE POLICY look_up ON oauth_tokens FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY look_up ON oauth_clients FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY look_up ON users FOR SELECT TO CURRENT_USER USING (true);

-- The caller that a live token stands for; no row for an unknown, expired or revoked one.
CREATE FUNCTION psms_actor(hash bytea)
    RETURNS TABLE (organization_id uuid, user_id uuid, client_id uuid, role text, scopes text[])
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.organization_id, c.user_id, c.id, c.role,
           ARRAY(SELECT unnest(t.scopes) INTERSECT SELECT unnest(c.scopes))
    FROM oauth_tokens t
    JOIN oauth_clients c ON c.organization_id = t.organization_id AND c.id = t.client_id AND c.active
    JOIN users u ON u.organization_id = c.organization_id AND u.id = c.user_id AND u.active
    WHERE t.token_hash = hash AND t.revoked_at IS NULL AND t.expires_at > psms_now()
$$;

-- What the token endpoint needs of an active client.
CREATE FUNCTION psms_client(public_id text)
    RETURNS TABLE (organization_id uuid, id uuid, client_id text, secret_hash bytea, role text, scopes text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.organization_id, c.id, c.client_id, c.secret_hash, c.role, c.scopes
    FROM oauth_clients c
    JOIN users u ON u.organization_id = c.organization_id AND u.id = c.user_id AND u.active
    WHERE c.client_id = public_id AND c.active
$$;

-- Make the monthly partitions from last month to *months* ahead; returns how many were missing.
CREATE FUNCTION psms_ensure_partitions(months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    first_day timestamptz;
    partition text;
    made integer := 0;
BEGIN
    -- Two at once would both find a partition missing.
    PERFORM pg_advisory_xact_lock(hashtext('psms.partitions'));
    FOREACH parent IN ARRAY ARRAY['logs', 'events', 'webhook_attempts'] LOOP
        FOR first_day IN
            SELECT generate_series(date_trunc('month', psms_now()) - interval '1 month',
                                   date_trunc('month', psms_now()) + make_interval(months => months),
                                   interval '1 month')
        LOOP
            partition := parent || to_char(first_day, '_YYYYMM');
            CONTINUE WHEN to_regclass(partition) IS NOT NULL;
            -- Made beside its parent and then attached: that lets everybody write on meanwhile, where
            -- PARTITION OF would lock the parent and could deadlock with a ticket that is being filed.
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
            -- Nobody reads a partition but through its parent; the walls stand on it all the same.
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', partition);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition,
                           psms_uuid_floor(first_day), psms_uuid_floor(first_day + interval '1 month'));
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- Drop the partitions of attempts that end before *horizon*; returns how many. Younger than 30 days is refused.
CREATE FUNCTION psms_drop_attempts_before(horizon timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    partition text;
    dropped integer := 0;
BEGIN
    IF horizon > psms_now() - interval '30 days' THEN
        RAISE EXCEPTION 'attempts are kept for at least 30 days';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('psms.partitions'));
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'webhook_attempts'::regclass
          -- CASE, as a plan may ask this of every other relation before it knows whose partition it is.
          AND CASE WHEN c.relname ~ '^webhook_attempts_[0-9]{6}$'
              THEN to_timestamp(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= horizon END
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;

REVOKE ALL ON FUNCTION psms_actor(bytea), psms_client(text), psms_ensure_partitions(integer),
    psms_drop_attempts_before(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_actor(bytea), psms_client(text), psms_ensure_partitions(integer),
    psms_drop_attempts_before(timestamptz) TO psms_app;

-- So that a process can tell whether the schema fits it.
GRANT SELECT ON alembic_version TO psms_app;

SELECT psms_ensure_partitions(6);
