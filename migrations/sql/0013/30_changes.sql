-- What a change is planned with. A change without a row has nothing written down yet.

CREATE TABLE changes (
    organization_id uuid NOT NULL,
    -- The ticket.
    id              uuid NOT NULL,
    planned_start   timestamptz,
    planned_end     timestamptz,
    plan            text,
    backout_plan    text,
    risk            text CONSTRAINT ck_changes_risk CHECK (risk IN ('high', 'medium', 'low')),
    outcome         text CONSTRAINT ck_changes_outcome CHECK (outcome IN ('successful', 'failed', 'rolled_back')),
    -- Scheduled or under way, so that it is in the calendar.
    scheduled       boolean NOT NULL DEFAULT false,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_changes_span CHECK (planned_end > planned_start)
);
CREATE INDEX ix_changes_calendar ON changes (organization_id, planned_end) WHERE scheduled;
SELECT psms_wall('changes');
GRANT SELECT, INSERT, UPDATE ON changes TO psms_app;
