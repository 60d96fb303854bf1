-- The log: where a caller called from, indexes for its filters, and what keeps its partitions append-only.

ALTER TABLE logs ADD COLUMN address text;

-- Each begins as the walls ask and ends as lists are sorted.
CREATE INDEX ix_logs_actor ON logs (organization_id, actor_id, id) WHERE actor_id IS NOT NULL;
CREATE INDEX ix_logs_client ON logs (organization_id, client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX ix_logs_action ON logs (organization_id, action text_pattern_ops, id);
-- Without tickets, which most entries are about: what is common is soon found without it, and filing one pays nothing.
CREATE INDEX ix_logs_target_type ON logs (organization_id, target_type, id) WHERE target_type <> 'ticket';
CREATE INDEX ix_logs_denied ON logs (organization_id, id) WHERE outcome = 'denied';

-- Row triggers are handed down to partitions, statement triggers are not: each partition needs its own.
CREATE FUNCTION psms_protect_logs() RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    partition text;
BEGIN
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'logs'::regclass
          AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'logs_no_truncate')
    LOOP
        EXECUTE format('CREATE TRIGGER logs_no_truncate BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION psms_refuse_change()', partition);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION psms_protect_logs() FROM PUBLIC;
SELECT psms_protect_logs();

-- Months are made by the function of 0001, which others may call; what it makes is protected by who calls it.
CREATE FUNCTION psms_make_months(months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    made integer := psms_ensure_partitions(months);
BEGIN
    IF made > 0 THEN
        PERFORM psms_protect_logs();
    END IF;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION psms_make_months(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_make_months(integer) TO psms_app;
REVOKE EXECUTE ON FUNCTION psms_ensure_partitions(integer) FROM psms_app;
