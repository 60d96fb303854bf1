-- Events, the outbox, endpoints with their secrets and lanes, deliveries and attempts.

CREATE TABLE events (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    type            text NOT NULL,
    schema_version  smallint NOT NULL,
    ticket_id       uuid,
    sequence        bigint,
    occurred_at     timestamptz NOT NULL,
    -- The exact bytes that are signed and sent; never jsonb, which would reorder the keys.
    body            bytea NOT NULL,
    request_id      text,
    PRIMARY KEY (organization_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX ix_events_ticket ON events (organization_id, ticket_id, id);
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION psms_refuse_change();

-- Events that have not been fanned out yet. Rows leave in the transaction that makes their deliveries.
CREATE TABLE outbox (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL,
    event_id        uuid NOT NULL,
    event_type      text NOT NULL,
    ticket_id       uuid,
    -- Set for a test send, which goes to this endpoint alone.
    endpoint_id     uuid,
    occurred_at     timestamptz NOT NULL,
    request_id      text
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

CREATE TABLE webhook_endpoints (
    organization_id      uuid NOT NULL REFERENCES organizations (id),
    id                   uuid NOT NULL,
    url                  text NOT NULL,
    description          text NOT NULL DEFAULT '',
    event_types          text[],
    state                text NOT NULL DEFAULT 'active' CONSTRAINT ck_webhook_endpoints_state
        CHECK (state IN ('active', 'paused', 'disabled', 'deleted')),
    disabled_reason      text,
    failing_since        timestamptz,
    last_success_at      timestamptz,
    version              bigint NOT NULL DEFAULT 1,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE webhook_secrets (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    secret          text NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_webhook_secrets_endpoint ON webhook_secrets (organization_id, endpoint_id, created_at);

-- One row per endpoint: whether it is served and when to look at it next, which are hints that can be computed anew.
-- Its row lock is the lock of everything about an endpoint: who changes the endpoint's state or its deliveries locks
-- the lanes first, in the order of their ids, and then endpoints, and then deliveries. So nobody can deadlock, and a
-- closed lane holds a backlog of any length by one column.
CREATE TABLE webhook_lanes (
    organization_id uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    next_due_at     timestamptz NOT NULL DEFAULT 'infinity',
    not_before      timestamptz NOT NULL DEFAULT '-infinity',
    served_at       timestamptz NOT NULL DEFAULT '-infinity',
    open            boolean NOT NULL DEFAULT true,
    removed         boolean NOT NULL DEFAULT false,
    opened_at       timestamptz NOT NULL,
    max_in_flight   smallint NOT NULL DEFAULT 16,
    last_sequence   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, endpoint_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX ix_webhook_lanes_ready ON webhook_lanes (next_due_at) WHERE open AND next_due_at < 'infinity';

CREATE TABLE webhook_deliveries (
    organization_id  uuid NOT NULL,
    id               uuid NOT NULL,
    event_id         uuid NOT NULL,
    event_type       text NOT NULL,
    ticket_id        uuid,
    endpoint_id      uuid NOT NULL,
    sequence         bigint NOT NULL,
    -- What is pending in a closed lane is shown as held.
    state            text NOT NULL CONSTRAINT ck_webhook_deliveries_state
        CHECK (state IN ('pending', 'in_flight', 'delivered', 'dead', 'cancelled')),
    next_attempt_at  timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    -- failures counts those that use up the schedule, tries every HTTP request.
    failures         integer NOT NULL DEFAULT 0,
    tries            integer NOT NULL DEFAULT 0,
    leases_lost      integer NOT NULL DEFAULT 0,
    lease_token      uuid,
    lease_expires_at timestamptz,
    trigger          text NOT NULL DEFAULT 'auto' CONSTRAINT ck_webhook_deliveries_trigger
        CHECK (trigger IN ('auto', 'manual', 'test')),
    last_status      smallint,
    last_error       text,
    dead_reason      text,
    request_id       text,
    occurred_at      timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    first_attempt_at timestamptz,
    finished_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE UNIQUE INDEX uq_webhook_deliveries_event ON webhook_deliveries (organization_id, event_id, endpoint_id);
CREATE UNIQUE INDEX uq_webhook_deliveries_sequence ON webhook_deliveries (organization_id, endpoint_id, sequence);
CREATE INDEX ix_webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX ix_webhook_deliveries_flying ON webhook_deliveries (endpoint_id, lease_expires_at) WHERE state = 'in_flight';
CREATE INDEX ix_webhook_deliveries_lease ON webhook_deliveries (lease_expires_at) WHERE state = 'in_flight';
CREATE INDEX ix_webhook_deliveries_suspect ON webhook_deliveries (next_attempt_at, id)
    WHERE state = 'pending' AND leases_lost >= 2;
CREATE INDEX ix_webhook_deliveries_dead ON webhook_deliveries (organization_id, endpoint_id, sequence)
    WHERE state = 'dead';
CREATE INDEX ix_webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- One row per HTTP request, written before the request is sent.
CREATE TABLE webhook_attempts (
    organization_id    uuid NOT NULL,
    id                 uuid NOT NULL,
    delivery_id        uuid NOT NULL,
    endpoint_id        uuid NOT NULL,
    number             integer NOT NULL,
    trigger            text NOT NULL,
    worker             text NOT NULL,
    lease_token        uuid NOT NULL,
    outcome            text NOT NULL DEFAULT 'started',
    late               boolean NOT NULL DEFAULT false,
    status             smallint,
    error              text,
    duration_ms        integer,
    retry_after        text,
    response_headers   jsonb,
    response_body      bytea,
    response_truncated boolean NOT NULL DEFAULT false,
    started_at         timestamptz NOT NULL,
    finished_at        timestamptz,
    PRIMARY KEY (organization_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX ix_webhook_attempts_delivery ON webhook_attempts (organization_id, delivery_id, id);
