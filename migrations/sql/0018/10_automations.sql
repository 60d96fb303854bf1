-- Rules for what happens to tickets, as versions that never change; the work that waits for them; what became of it.

-- The events that some active automation is for; null where there is none, so that the relay has nothing to do.
ALTER TABLE organizations ADD COLUMN automated_events text[];
-- How many automations led to the event, one after the other.
ALTER TABLE outbox ADD COLUMN depth smallint NOT NULL DEFAULT 0;
-- Null: PSMS itself wrote it.
ALTER TABLE comments ALTER COLUMN author_id DROP NOT NULL;

CREATE TABLE automations (
    organization_id    uuid NOT NULL REFERENCES organizations (id),
    id                 uuid NOT NULL,
    name               text NOT NULL,
    position           integer NOT NULL DEFAULT 1000
        CONSTRAINT ck_automations_position CHECK (position BETWEEN 1 AND 1000000),
    active             boolean NOT NULL DEFAULT true,
    definition_version bigint NOT NULL DEFAULT 1,
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX uq_automations_name ON automations (organization_id, lower(name)) WHERE active;

CREATE TABLE automation_versions (
    organization_id uuid NOT NULL,
    automation_id   uuid NOT NULL,
    version         bigint NOT NULL,
    definition      jsonb NOT NULL,
    created_at      timestamptz NOT NULL,
    created_by      uuid,
    PRIMARY KEY (organization_id, automation_id, version),
    FOREIGN KEY (organization_id, automation_id) REFERENCES automations (organization_id, id)
);

-- An event that an automation is for, until all of them are applied. Written by the relay, which each event passes
-- once and in order. No key to tickets: the relay must not wait for one, and what became of it is asked under its lock.
CREATE TABLE automation_runs (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    event_id        uuid NOT NULL,
    position        bigint GENERATED ALWAYS AS IDENTITY,
    event_type      text NOT NULL,
    ticket_id       uuid NOT NULL,
    depth           smallint NOT NULL,
    occurred_at     timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'waiting'
        CONSTRAINT ck_automation_runs_state CHECK (state IN ('waiting', 'dead')),
    failures        integer NOT NULL DEFAULT 0,
    error           text,
    next_attempt_at timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, event_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX ix_automation_runs_waiting ON automation_runs (position) WHERE state = 'waiting';
CREATE INDEX ix_automation_runs_ticket ON automation_runs (organization_id, ticket_id, position);
CREATE INDEX ix_automation_runs_dead ON automation_runs (organization_id, event_id) WHERE state = 'dead';

CREATE TABLE automation_firings (
    organization_id    uuid NOT NULL REFERENCES organizations (id),
    id                 uuid NOT NULL,
    automation_id      uuid NOT NULL,
    automation_version bigint NOT NULL,
    event_id           uuid NOT NULL,
    event_type         text NOT NULL,
    ticket_id          uuid NOT NULL,
    outcome            text NOT NULL CONSTRAINT ck_automation_firings_outcome
        CHECK (outcome IN ('done', 'not_matched', 'passed_over', 'stopped: loop')),
    depth              smallint NOT NULL,
    refusals           jsonb NOT NULL,
    actions            jsonb NOT NULL,
    at                 timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, automation_id) REFERENCES automations (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE
);
-- Each rule once for each event.
CREATE UNIQUE INDEX uq_automation_firings_event ON automation_firings (organization_id, event_id, automation_id);
CREATE INDEX ix_automation_firings_ticket ON automation_firings (organization_id, ticket_id, id);
CREATE INDEX ix_automation_firings_automation ON automation_firings (organization_id, automation_id, id);
CREATE INDEX ix_automation_firings_at ON automation_firings (at);

SELECT psms_wall('automations');
SELECT psms_wall('automation_versions');
SELECT psms_wall('automation_runs');
SELECT psms_wall('automation_firings');
GRANT SELECT, INSERT, UPDATE ON automations TO psms_app;
GRANT SELECT, INSERT ON automation_versions, automation_firings TO psms_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON automation_runs TO psms_app;

CREATE POLICY claim ON automation_runs FOR SELECT TO psms_claimer USING (true);
GRANT SELECT ON automation_runs TO psms_claimer;
CREATE POLICY prune ON automation_firings TO psms_claimer USING (true);
GRANT SELECT (organization_id, id, at), DELETE ON automation_firings TO psms_claimer;
