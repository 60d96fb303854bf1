-- Edits of calendars and policies that hold for open tickets: what is still to be done for which tickets.

CREATE TABLE sla_rebases (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    -- What was edited, one of the two.
    calendar_id     uuid,
    policy_id       uuid,
    applies         text NOT NULL CONSTRAINT ck_sla_rebases_applies CHECK (applies IN ('open_tickets', 'recompute')),
    state           text NOT NULL DEFAULT 'waiting' CONSTRAINT ck_sla_rebases_state CHECK (state IN ('waiting', 'done')),
    -- The last ticket that was looked at; it moves with the tickets' own changes.
    done_through    uuid,
    tickets         bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, calendar_id) REFERENCES calendars (organization_id, id),
    FOREIGN KEY (organization_id, policy_id) REFERENCES sla_policies (organization_id, id),
    CONSTRAINT ck_sla_rebases_one CHECK (num_nonnulls(calendar_id, policy_id) = 1)
);
CREATE INDEX ix_sla_rebases_waiting ON sla_rebases (created_at) WHERE state = 'waiting';
CREATE INDEX ix_sla_rebases_calendar ON sla_rebases (organization_id, calendar_id) WHERE calendar_id IS NOT NULL;
CREATE INDEX ix_sla_rebases_policy ON sla_rebases (organization_id, policy_id) WHERE policy_id IS NOT NULL;

ALTER TABLE sla_rebases ENABLE ROW LEVEL SECURITY;
ALTER TABLE sla_rebases FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON sla_rebases TO psms_app
    USING (organization_id = (SELECT psms_organization()))
    WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT, INSERT, UPDATE (state, done_through, tickets, finished_at) ON sla_rebases TO psms_app;
CREATE POLICY claim ON sla_rebases TO psms_claimer USING (true) WITH CHECK (true);
-- A row lock needs the right to update; the claimer changes nothing.
GRANT SELECT, UPDATE (state) ON sla_rebases TO psms_claimer;
