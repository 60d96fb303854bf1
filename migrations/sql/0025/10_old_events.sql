-- Drop the months of events that end before *horizon*; returns how many. Younger than 90 days is refused. Whether all of
-- them have been told is for the caller to know: these tables have walls, and the owner no way through them.
CREATE FUNCTION psms_drop_events_before(horizon timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    partition text;
    dropped integer := 0;
BEGIN
    IF horizon > psms_now() - interval '90 days' THEN
        RAISE EXCEPTION 'events are kept for at least 90 days';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('psms.partitions'));
    FOR partition IN
        -- Materialized, so that no other table's name is ever read as a month.
        WITH child AS MATERIALIZED (
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'events'::regclass
        )
        SELECT relname FROM child
        WHERE to_timestamp(right(relname, 6), 'YYYYMM') + interval '1 month' <= horizon
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION psms_drop_events_before(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_drop_events_before(timestamptz) TO psms_app;
