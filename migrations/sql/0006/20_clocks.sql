-- Clocks under calendars and versions of policies, the ledger that every clock follows from, and watchers.

-- What a ticket's clocks are to know of it; no key, for a clock's row has one, and policies are never deleted.
ALTER TABLE tickets
    ADD COLUMN sla_policy_id uuid,
    ADD COLUMN sla_policy_version bigint,
    -- The first public answer of somebody who works on tickets.
    ADD COLUMN responded_at timestamptz,
    -- The oldest message of the customer that nobody has answered since.
    ADD COLUMN unanswered_since timestamptz;

ALTER TABLE sla_clocks
    DROP CONSTRAINT ck_sla_clocks_metric,
    ADD CONSTRAINT ck_sla_clocks_metric
        CHECK (metric IN ('first_response', 'next_response', 'periodic_update', 'resolution')),
    DROP CONSTRAINT ck_sla_clocks_state,
    ADD CONSTRAINT ck_sla_clocks_state
        CHECK (state IN ('running', 'paused', 'met', 'missed', 'cancelled', 'superseded')),
    ALTER COLUMN cycle TYPE integer,
    -- Without a calendar every instant counts.
    ADD COLUMN calendar_id uuid,
    ADD COLUMN calendar_version integer,
    ADD COLUMN zone_data text,
    -- The last event of the clock and its kind; *consumed* is what was counted until then.
    ADD COLUMN since timestamptz,
    ADD COLUMN cause text,
    ADD COLUMN segment integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT ck_sla_clocks_calendar CHECK (num_nonnulls(calendar_id, calendar_version, zone_data) IN (0, 3)),
    ADD CONSTRAINT ck_sla_clocks_cause CHECK (cause IN ('adopted', 'start', 'pause', 'resume', 'carry', 'retroactive',
        'restart', 'complete', 'cancel', 'reopen'));

-- The ledger: one row from each event of a clock to the next. What the clock says follows from these rows.
CREATE TABLE sla_segments (
    organization_id  uuid NOT NULL,
    clock_id         uuid NOT NULL,
    number           integer NOT NULL,
    ticket_id        uuid NOT NULL,
    cycle            integer NOT NULL,
    -- The event that it began with; adopted: what an earlier release counted was taken over.
    cause            text NOT NULL CONSTRAINT ck_sla_segments_cause CHECK (cause IN ('adopted', 'start', 'pause',
        'resume', 'carry', 'retroactive', 'restart', 'complete', 'cancel', 'reopen')),
    state            text NOT NULL CONSTRAINT ck_sla_segments_state
        CHECK (state IN ('running', 'paused', 'met', 'missed', 'cancelled', 'superseded')),
    began_at         timestamptz NOT NULL,
    ended_at         timestamptz,
    -- Open time before it, and in it once it has ended.
    consumed         interval NOT NULL,
    counted          interval NOT NULL DEFAULT '0',
    target           interval NOT NULL,
    policy_id        uuid NOT NULL,
    policy_version   bigint NOT NULL,
    calendar_id      uuid,
    calendar_version integer,
    zone_data        text,
    PRIMARY KEY (organization_id, clock_id, number),
    FOREIGN KEY (organization_id, clock_id) REFERENCES sla_clocks (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_sla_segments_end CHECK (ended_at >= began_at),
    CONSTRAINT ck_sla_segments_calendar CHECK (num_nonnulls(calendar_id, calendar_version, zone_data) IN (0, 3))
);

CREATE FUNCTION psms_segments_stay() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the ledger of SLA clocks is only appended to: a segment that has ended never changes';
END
$$;
CREATE TRIGGER sla_segments_stay BEFORE UPDATE ON sla_segments FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL OR to_jsonb(OLD) - '{ended_at,counted}'::text[]
        IS DISTINCT FROM to_jsonb(NEW) - '{ended_at,counted}'::text[])
    EXECUTE FUNCTION psms_segments_stay();

-- Who follows a ticket besides those who work on it.
CREATE TABLE ticket_watchers (
    organization_id uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    user_id         uuid NOT NULL,
    added_at        timestamptz NOT NULL,
    PRIMARY KEY (organization_id, ticket_id, user_id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_ticket_watchers_user ON ticket_watchers (organization_id, user_id);

-- An edit of a calendar says whether it holds for the clocks that run.
ALTER TABLE calendar_versions ADD COLUMN applies text NOT NULL DEFAULT 'open_tickets'
    CONSTRAINT ck_calendar_versions_applies CHECK (applies IN ('new_tickets', 'open_tickets', 'recompute'));

-- Clocks of the first form: what they counted is taken over as it is. The owner is bound by the walls as well.
ALTER TABLE sla_clocks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_fires NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tickets NO FORCE ROW LEVEL SECURITY;
UPDATE sla_clocks SET cause = 'adopted', since = CASE
    WHEN state = 'running' THEN segment_started_at
    ELSE COALESCE(completed_at, psms_now())
END;
INSERT INTO sla_segments (organization_id, clock_id, number, ticket_id, cycle, cause, state, began_at, consumed,
    target, policy_id, policy_version)
SELECT organization_id, id, 1, ticket_id, cycle, cause, state, since, consumed, target, policy_id, policy_version
FROM sla_clocks;
-- The breach itself has a key of its own from now on.
INSERT INTO sla_fires (organization_id, clock_id, level, at, noticed_at)
SELECT c.organization_id, c.id, '(breach)', c.breached_at, COALESCE(f.noticed_at, c.breached_at)
FROM sla_clocks c LEFT JOIN sla_fires f
    ON f.organization_id = c.organization_id AND f.clock_id = c.id AND f.level = 'breach'
WHERE c.breached_at IS NOT NULL;
UPDATE tickets t SET sla_policy_id = c.policy_id, sla_policy_version = c.policy_version
FROM sla_clocks c WHERE c.organization_id = t.organization_id AND c.ticket_id = t.id AND NOT EXISTS (
    SELECT FROM sla_clocks other WHERE other.organization_id = c.organization_id AND other.ticket_id = c.ticket_id
        AND (other.policy_version, other.metric) > (c.policy_version, c.metric));
UPDATE tickets t SET responded_at = c.completed_at FROM sla_clocks c
WHERE c.organization_id = t.organization_id AND c.ticket_id = t.id AND c.metric = 'first_response'
    AND c.state IN ('met', 'missed');
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_fires FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_clocks FORCE ROW LEVEL SECURITY;

ALTER TABLE sla_clocks
    DROP COLUMN segment_started_at,
    ALTER COLUMN since SET NOT NULL,
    ALTER COLUMN cause SET NOT NULL,
    DROP CONSTRAINT sla_clocks_organization_id_policy_id_fkey,
    ADD FOREIGN KEY (organization_id, policy_id, policy_version)
        REFERENCES sla_policy_versions (organization_id, policy_id, version),
    ADD FOREIGN KEY (organization_id, calendar_id, calendar_version)
        REFERENCES calendar_versions (organization_id, calendar_id, version);
DROP INDEX ix_sla_clocks_policy;
CREATE INDEX ix_sla_clocks_policy ON sla_clocks (organization_id, policy_id, policy_version);
CREATE INDEX ix_sla_clocks_calendar ON sla_clocks (organization_id, calendar_id, calendar_version, ticket_id)
    WHERE calendar_id IS NOT NULL;

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['sla_segments', 'ticket_watchers'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY organization ON %I TO psms_app
                USING (organization_id = (SELECT psms_organization()))
                WITH CHECK (organization_id = (SELECT psms_organization()))', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE (ended_at, counted) ON sla_segments TO psms_app;
GRANT SELECT, INSERT, DELETE ON ticket_watchers TO psms_app;
