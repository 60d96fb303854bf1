-- Tickets, their numbers and comments, idempotency keys, and the audit trail.

CREATE TABLE tickets (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    number          bigint NOT NULL,
    type            text NOT NULL CONSTRAINT ck_tickets_type
        CHECK (type IN ('incident', 'request', 'problem', 'change')),
    subject         text NOT NULL,
    description     text NOT NULL DEFAULT '',
    status          text NOT NULL CONSTRAINT ck_tickets_status
        CHECK (status IN ('new', 'open', 'pending', 'on_hold', 'resolved', 'closed', 'cancelled')),
    impact          text NOT NULL CONSTRAINT ck_tickets_impact CHECK (impact IN ('high', 'medium', 'low')),
    urgency         text NOT NULL CONSTRAINT ck_tickets_urgency CHECK (urgency IN ('high', 'medium', 'low')),
    priority        text NOT NULL CONSTRAINT ck_tickets_priority
        CHECK (priority IN ('critical', 'high', 'medium', 'low')),
    service_id      uuid NOT NULL,
    requester_id    uuid NOT NULL,
    assignee_id     uuid,
    team_id         uuid,
    tags            text[] NOT NULL DEFAULT '{}',
    custom_fields   jsonb NOT NULL DEFAULT '{}',
    -- version counts changes of fields (it is the ETag); sequence counts the ticket's events.
    version         bigint NOT NULL DEFAULT 1,
    sequence        bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    resolved_at     timestamptz,
    closed_at       timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id),
    FOREIGN KEY (organization_id, requester_id) REFERENCES users (organization_id, id),
    FOREIGN KEY (organization_id, assignee_id) REFERENCES users (organization_id, id) ON DELETE SET NULL (assignee_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE SET NULL (team_id)
);
CREATE UNIQUE INDEX uq_tickets_number ON tickets (organization_id, number);
CREATE INDEX ix_tickets_status ON tickets (organization_id, status, id);
CREATE INDEX ix_tickets_service ON tickets (organization_id, service_id, id);
CREATE INDEX ix_tickets_requester ON tickets (organization_id, requester_id, id);
CREATE INDEX ix_tickets_assignee ON tickets (organization_id, assignee_id, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX ix_tickets_team ON tickets (organization_id, team_id, id) WHERE team_id IS NOT NULL;

-- The last ticket number given out. A row of its own, small and often updated, so that updates stay in the page.
CREATE TABLE ticket_counters (
    organization_id uuid PRIMARY KEY REFERENCES organizations (id),
    last_number     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE comments (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    author_id       uuid NOT NULL,
    body            text NOT NULL,
    visibility      text NOT NULL CONSTRAINT ck_comments_visibility CHECK (visibility IN ('public', 'internal')),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, author_id) REFERENCES users (organization_id, id)
);
CREATE INDEX ix_comments_ticket ON comments (organization_id, ticket_id, id);
CREATE INDEX ix_comments_author ON comments (organization_id, author_id);

-- What a creating request answered, kept so that a repetition gets the same answer and creates nothing.
CREATE TABLE idempotency_keys (
    organization_id uuid NOT NULL,
    client_id       uuid NOT NULL,
    key             text NOT NULL,
    fingerprint     bytea NOT NULL,
    body            bytea NOT NULL,
    location        text NOT NULL,
    etag            text,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, client_id, key),
    FOREIGN KEY (organization_id, client_id) REFERENCES oauth_clients (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_idempotency_keys_expiry ON idempotency_keys (expires_at);

-- The audit trail: append-only, by grant and by trigger; time partitions by the UUIDv7 itself.
CREATE TABLE logs (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    at              timestamptz NOT NULL,
    action          text NOT NULL,
    outcome         text NOT NULL CONSTRAINT ck_logs_outcome CHECK (outcome IN ('done', 'denied')),
    actor_id        uuid,
    client_id       uuid,
    request_id      text,
    target_type     text NOT NULL,
    target_id       uuid,
    before          jsonb,
    after           jsonb,
    PRIMARY KEY (organization_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX ix_logs_target ON logs (organization_id, target_id, id);
CREATE TRIGGER logs_append_only BEFORE UPDATE OR DELETE ON logs
    FOR EACH ROW EXECUTE FUNCTION psms_refuse_change();
CREATE TRIGGER logs_no_truncate BEFORE TRUNCATE ON logs
    FOR EACH STATEMENT EXECUTE FUNCTION psms_refuse_change();
