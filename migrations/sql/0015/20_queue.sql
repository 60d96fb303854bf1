-- What waits for an assignee, and when a team is to be looked at: written by triggers, so that no writer can forget it.

-- Without a key to tickets: it would lock the ticket of each row. What is gone is found gone.
CREATE TABLE routing_queue (
    organization_id uuid NOT NULL,
    team_id         uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    -- Not waiting: somebody took the assignee away, who wants none.
    waiting         boolean NOT NULL,
    -- The most urgent first; then, by the id, the oldest.
    rank            smallint NOT NULL,
    -- Why there was nobody when it was last looked at.
    refused         text,
    queued_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, ticket_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX ix_routing_queue_team ON routing_queue (organization_id, team_id, rank, ticket_id) WHERE waiting;

CREATE TABLE routing_wakes (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL,
    team_id         uuid NOT NULL,
    due_at          timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX ix_routing_wakes_due ON routing_wakes (due_at);
CREATE INDEX ix_routing_wakes_team ON routing_wakes (organization_id, team_id);

SELECT psms_wall('routing_queue');
SELECT psms_wall('routing_wakes');
GRANT SELECT, INSERT, UPDATE, DELETE ON routing_queue TO psms_app;
GRANT SELECT, INSERT, DELETE ON routing_wakes TO psms_app;
CREATE POLICY claim ON routing_wakes FOR SELECT TO psms_claimer USING (true);
GRANT SELECT ON routing_wakes TO psms_claimer;

CREATE FUNCTION psms_priority_rank(priority text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (CASE priority WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END)::smallint;

-- Whether a ticket wants an assignee. What waits for approval may yet never be worked on.
CREATE FUNCTION psms_wants_assignee(team uuid, assignee uuid, deleted timestamptz, status text, stage text)
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN team IS NOT NULL AND assignee IS NULL AND deleted IS NULL
        AND status IN ('new', 'open', 'pending', 'on_hold') AND stage IS DISTINCT FROM 'awaiting_approval';

CREATE FUNCTION psms_wake_teams_of(organization uuid, person uuid) RETURNS void
    LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO routing_wakes (organization_id, team_id, due_at)
    SELECT m.organization_id, m.team_id, psms_now() FROM memberships m JOIN team_routing r
        ON r.organization_id = m.organization_id AND r.team_id = m.team_id AND r.automatic
    WHERE m.organization_id = organization AND m.user_id = person
$$;

CREATE FUNCTION psms_queue_for_routing() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    unasked boolean := false;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Taken from somebody, in the team that it stays in, on purpose.
        unasked := OLD.assignee_id IS NOT NULL AND OLD.team_id IS NOT DISTINCT FROM NEW.team_id;
        IF psms_wants_assignee(OLD.team_id, OLD.assignee_id, OLD.deleted_at, OLD.status, OLD.stage) THEN
            DELETE FROM routing_queue q WHERE q.organization_id = OLD.organization_id AND q.ticket_id = OLD.id;
        END IF;
    END IF;
    IF psms_wants_assignee(NEW.team_id, NEW.assignee_id, NEW.deleted_at, NEW.status, NEW.stage) THEN
        -- Whoever makes the team automatic waits for us, or we for them: one of the two sees the other.
        PERFORM FROM teams t WHERE t.organization_id = NEW.organization_id AND t.id = NEW.team_id FOR KEY SHARE;
        INSERT INTO routing_queue (organization_id, team_id, ticket_id, waiting, rank, queued_at)
        SELECT NEW.organization_id, NEW.team_id, NEW.id, NOT unasked, psms_priority_rank(NEW.priority), psms_now()
        FROM team_routing r
        WHERE r.organization_id = NEW.organization_id AND r.team_id = NEW.team_id AND r.automatic
        ON CONFLICT (organization_id, ticket_id) DO NOTHING;
        IF FOUND AND NOT unasked THEN
            INSERT INTO routing_wakes (organization_id, team_id, due_at)
            VALUES (NEW.organization_id, NEW.team_id, psms_now());
        END IF;
    END IF;
    RETURN NULL;
END
$$;
-- Tickets without a team cost one comparison.
CREATE TRIGGER tickets_queue_filed AFTER INSERT ON tickets
    FOR EACH ROW WHEN (NEW.team_id IS NOT NULL AND NEW.assignee_id IS NULL)
    EXECUTE FUNCTION psms_queue_for_routing();
CREATE TRIGGER tickets_queue_changed AFTER UPDATE OF team_id, assignee_id, status, stage, deleted_at ON tickets
    FOR EACH ROW WHEN (psms_wants_assignee(OLD.team_id, OLD.assignee_id, OLD.deleted_at, OLD.status, OLD.stage)
            IS DISTINCT FROM psms_wants_assignee(NEW.team_id, NEW.assignee_id, NEW.deleted_at, NEW.status, NEW.stage)
        OR (psms_wants_assignee(NEW.team_id, NEW.assignee_id, NEW.deleted_at, NEW.status, NEW.stage)
            AND NEW.team_id IS DISTINCT FROM OLD.team_id))
    EXECUTE FUNCTION psms_queue_for_routing();

CREATE FUNCTION psms_rank_for_routing() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE routing_queue q SET rank = psms_priority_rank(NEW.priority)
    WHERE q.organization_id = NEW.organization_id AND q.ticket_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER tickets_rank_changed AFTER UPDATE OF priority ON tickets
    FOR EACH ROW WHEN (NEW.priority <> OLD.priority
        AND psms_wants_assignee(NEW.team_id, NEW.assignee_id, NEW.deleted_at, NEW.status, NEW.stage))
    EXECUTE FUNCTION psms_rank_for_routing();

-- Somebody has one ticket less: whichever team of theirs has tickets that wait is looked at.
CREATE FUNCTION psms_free_for_routing() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM psms_wake_teams_of(OLD.organization_id, OLD.assignee_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER tickets_free_assignee AFTER UPDATE OF assignee_id, status, deleted_at ON tickets
    FOR EACH ROW WHEN (OLD.assignee_id IS NOT NULL AND OLD.deleted_at IS NULL
        AND OLD.status IN ('new', 'open', 'pending')
        AND (NEW.assignee_id IS DISTINCT FROM OLD.assignee_id OR NEW.deleted_at IS NOT NULL
            OR NEW.status NOT IN ('new', 'open', 'pending')))
    EXECUTE FUNCTION psms_free_for_routing();

-- Somebody joins a team, or is there again.
CREATE FUNCTION psms_welcome_to_routing() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'users' THEN
        PERFORM psms_wake_teams_of(NEW.organization_id, NEW.id);
    ELSE
        INSERT INTO routing_wakes (organization_id, team_id, due_at)
        SELECT r.organization_id, r.team_id, psms_now() FROM team_routing r
        WHERE r.organization_id = NEW.organization_id AND r.team_id = NEW.team_id AND r.automatic;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER memberships_welcome AFTER INSERT ON memberships
    FOR EACH ROW EXECUTE FUNCTION psms_welcome_to_routing();
CREATE TRIGGER users_welcome AFTER UPDATE OF active, role ON users
    FOR EACH ROW WHEN (NEW.active AND (NOT OLD.active OR NEW.role <> OLD.role))
    EXECUTE FUNCTION psms_welcome_to_routing();
