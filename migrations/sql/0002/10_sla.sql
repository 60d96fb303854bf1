-- SLA policies, the clocks of tickets with a sweep row each, the levels that fired, and notifications.

CREATE TABLE sla_policies (
    organization_id        uuid NOT NULL REFERENCES organizations (id),
    id                     uuid NOT NULL,
    name                   text NOT NULL,
    -- The priority that this policy is for; null: every priority that no other policy is for.
    priority               text CONSTRAINT ck_sla_policies_priority
        CHECK (priority IN ('critical', 'high', 'medium', 'low')),
    first_response_seconds integer CONSTRAINT ck_sla_policies_first_response CHECK (first_response_seconds > 0),
    resolution_seconds     integer CONSTRAINT ck_sla_policies_resolution CHECK (resolution_seconds > 0),
    active                 boolean NOT NULL DEFAULT true,
    version                bigint NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT ck_sla_policies_promises CHECK (num_nonnulls(first_response_seconds, resolution_seconds) > 0)
);

-- One row for each metric and cycle of a ticket. Written only by who holds the ticket's row lock.
CREATE TABLE sla_clocks (
    organization_id    uuid NOT NULL,
    id                 uuid NOT NULL,
    ticket_id          uuid NOT NULL,
    metric             text NOT NULL CONSTRAINT ck_sla_clocks_metric CHECK (metric IN ('first_response', 'resolution')),
    cycle              smallint NOT NULL DEFAULT 1,
    policy_id          uuid NOT NULL,
    policy_version     bigint NOT NULL,
    target             interval NOT NULL,
    consumed           interval NOT NULL DEFAULT '0',
    segment_started_at timestamptz,
    state              text NOT NULL CONSTRAINT ck_sla_clocks_state
        CHECK (state IN ('running', 'paused', 'met', 'missed', 'cancelled')),
    due_at             timestamptz,
    breached_at        timestamptz,
    completed_at       timestamptz,
    started_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, policy_id) REFERENCES sla_policies (organization_id, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX uq_sla_clocks_cycle ON sla_clocks (organization_id, ticket_id, metric, cycle);
CREATE INDEX ix_sla_clocks_policy ON sla_clocks (organization_id, policy_id);

-- The sweep's row of a clock: when to look at it next. The index holds only what will ever be due.
CREATE TABLE sla_timers (
    organization_id uuid NOT NULL,
    clock_id        uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    next_at         timestamptz,
    PRIMARY KEY (organization_id, clock_id),
    FOREIGN KEY (organization_id, clock_id) REFERENCES sla_clocks (organization_id, id) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX ix_sla_timers_next ON sla_timers (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX ix_sla_timers_ticket ON sla_timers (organization_id, ticket_id);

-- A level that fired. Its key is what makes an effect happen once.
CREATE TABLE sla_fires (
    organization_id uuid NOT NULL,
    clock_id        uuid NOT NULL,
    level           text NOT NULL,
    at              timestamptz NOT NULL,
    noticed_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, clock_id, level),
    FOREIGN KEY (organization_id, clock_id) REFERENCES sla_clocks (organization_id, id) ON DELETE CASCADE
);

-- Something that a person is to be told.
CREATE TABLE notifications (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    clock_id        uuid,
    kind            text NOT NULL,
    user_id         uuid,
    team_id         uuid,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, clock_id) REFERENCES sla_clocks (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE SET NULL (user_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE SET NULL (team_id)
);
CREATE INDEX ix_notifications_ticket ON notifications (organization_id, ticket_id);
CREATE INDEX ix_notifications_clock ON notifications (organization_id, clock_id);
CREATE INDEX ix_notifications_user ON notifications (organization_id, user_id);
CREATE INDEX ix_notifications_team ON notifications (organization_id, team_id);

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['sla_policies', 'sla_clocks', 'sla_timers', 'sla_fires', 'notifications'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY organization ON %I TO psms_app
                USING (organization_id = (SELECT psms_organization()))
                WITH CHECK (organization_id = (SELECT psms_organization()))', tenant_table);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON sla_policies, sla_clocks, sla_timers TO psms_app;
GRANT SELECT, INSERT ON sla_fires, notifications TO psms_app;

CREATE POLICY claim ON sla_timers TO psms_claimer USING (true) WITH CHECK (true);
-- A row lock needs the right to update; the claimer changes nothing.
GRANT SELECT, UPDATE (next_at) ON sla_timers TO psms_claimer;
