-- Endpoints of PagerDuty, and pages: what somebody is called out of bed for, until somebody takes it.

ALTER TABLE webhook_endpoints ADD COLUMN kind text NOT NULL DEFAULT 'webhook'
    CONSTRAINT ck_webhook_endpoints_kind CHECK (kind IN ('webhook', 'pagerduty'));

CREATE TABLE pages (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    clock_id        uuid NOT NULL,
    level           text NOT NULL,
    metric          text NOT NULL,
    severity        text NOT NULL CONSTRAINT ck_pages_severity
        CHECK (severity IN ('critical', 'error', 'warning', 'info')),
    -- The same for all levels of a clock: they are one incident.
    dedup_key       text NOT NULL,
    state           text NOT NULL CONSTRAINT ck_pages_state CHECK (state IN ('triggered', 'acknowledged', 'resolved')),
    reached_at      timestamptz NOT NULL,
    due_at          timestamptz,
    created_at      timestamptz NOT NULL,
    acknowledged_at timestamptz,
    resolved_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, clock_id) REFERENCES sla_clocks (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_pages_resolved CHECK ((resolved_at IS NOT NULL) = (state = 'resolved'))
);
-- What makes a level page once.
CREATE UNIQUE INDEX uq_pages_level ON pages (organization_id, clock_id, level);
CREATE INDEX ix_pages_ticket ON pages (organization_id, ticket_id);
CREATE INDEX ix_pages_open ON pages (organization_id, ticket_id) WHERE state <> 'resolved';
CREATE INDEX ix_pages_dedup ON pages (organization_id, dedup_key);

ALTER TABLE pages ENABLE ROW LEVEL SECURITY;
ALTER TABLE pages FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON pages TO psms_app
    USING (organization_id = (SELECT psms_organization()))
    WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT, INSERT, UPDATE (state, acknowledged_at, resolved_at) ON pages TO psms_app;
