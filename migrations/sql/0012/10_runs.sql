-- Workflow runs: what takes several steps, or waits for people or for a time. One step is one transaction.

CREATE TABLE workflow_runs (
    organization_id  uuid NOT NULL REFERENCES organizations (id),
    id               uuid NOT NULL,
    -- The definition that it began with; it ends with the same, whatever releases come in between.
    kind             text NOT NULL,
    version          integer NOT NULL CONSTRAINT ck_workflow_runs_version CHECK (version > 0),
    -- What the run is about: there is one of each kind for it.
    business_key     text NOT NULL,
    ticket_id        uuid,
    input            jsonb NOT NULL DEFAULT '{}',
    -- What its steps hand on to one another.
    data             jsonb NOT NULL DEFAULT '{}',
    state            text NOT NULL DEFAULT 'waiting'
        CONSTRAINT ck_workflow_runs_state CHECK (state IN ('waiting', 'finished', 'cancelled', 'failed')),
    -- The step that comes next, and when; without an instant it waits for a signal alone.
    step             text NOT NULL,
    due_at           timestamptz,
    -- Whether the step that comes next is woken by signals and takes them.
    listens          boolean NOT NULL,
    steps_done       integer NOT NULL DEFAULT 0,
    -- Of the step that comes next; counted before the work, so that one which kills its process is counted too.
    tries            integer NOT NULL DEFAULT 0,
    step_started_at  timestamptz,
    lease_token      uuid,
    lease_expires_at timestamptz,
    error            text,
    result           jsonb,
    reason           text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_workflow_runs_finished CHECK ((finished_at IS NOT NULL) = (state IN ('finished', 'cancelled')))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE UNIQUE INDEX uq_workflow_runs_key ON workflow_runs (organization_id, kind, business_key);
CREATE INDEX ix_workflow_runs_ticket ON workflow_runs (organization_id, ticket_id, id) WHERE ticket_id IS NOT NULL;
CREATE INDEX ix_workflow_runs_due ON workflow_runs (due_at, id) WHERE state = 'waiting';
CREATE INDEX ix_workflow_runs_failed ON workflow_runs (organization_id, id) WHERE state = 'failed';
CREATE INDEX ix_workflow_runs_finished ON workflow_runs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE workflow_steps (
    organization_id uuid NOT NULL,
    run_id          uuid NOT NULL,
    seq             integer NOT NULL,
    name            text NOT NULL,
    state           text NOT NULL CONSTRAINT ck_workflow_steps_state CHECK (state IN ('done', 'failed')),
    tries           integer NOT NULL,
    result          jsonb,
    error           text,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, run_id, seq),
    FOREIGN KEY (organization_id, run_id) REFERENCES workflow_runs (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE workflow_signals (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    run_id          uuid NOT NULL,
    name            text NOT NULL,
    payload         jsonb NOT NULL DEFAULT '{}',
    dedupe_key      text NOT NULL,
    created_at      timestamptz NOT NULL,
    -- The step that took it, by its number in the run.
    consumed_by     integer,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, run_id) REFERENCES workflow_runs (organization_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_workflow_signals_key ON workflow_signals (organization_id, run_id, dedupe_key);

SELECT psms_wall('workflow_runs');
SELECT psms_wall('workflow_steps');
SELECT psms_wall('workflow_signals');
GRANT SELECT, INSERT, UPDATE ON workflow_runs TO psms_app;
GRANT SELECT, INSERT, UPDATE ON workflow_steps TO psms_app;
GRANT SELECT, INSERT, UPDATE (consumed_by) ON workflow_signals TO psms_app;

CREATE POLICY claim ON workflow_runs TO psms_claimer USING (true) WITH CHECK (true);
-- Nothing of what a run is about: input, data and result stay inside the walls.
GRANT SELECT (organization_id, id, kind, version, ticket_id, state, step, due_at, tries, step_started_at, lease_token,
        lease_expires_at, error, created_at, finished_at),
    UPDATE (lease_token, lease_expires_at, tries, step_started_at), DELETE ON workflow_runs TO psms_claimer;
