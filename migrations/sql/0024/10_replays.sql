-- Replays: events sent once more to an endpoint, in the order in which they happened, a few at a time.

CREATE TABLE webhook_replays (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    mode            text NOT NULL CONSTRAINT ck_webhook_replays_mode CHECK (mode IN ('failed', 'missing', 'all')),
    -- What happened from since on and before until; of these types, or of any.
    since           timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    event_types     text[],
    dry_run         boolean NOT NULL DEFAULT false,
    state           text NOT NULL DEFAULT 'running'
        CONSTRAINT ck_webhook_replays_state CHECK (state IN ('running', 'done', 'cancelled')),
    -- How many there were when it began, and how many of them were made due. Null: not counted yet.
    matched         bigint,
    released        bigint NOT NULL DEFAULT 0,
    -- The last event that was looked at. It moves in the transaction that releases what it passes.
    done_through    uuid,
    look_at         timestamptz NOT NULL,
    failures        integer NOT NULL DEFAULT 0,
    error           text,
    created_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id)
) WITH (fillfactor = 50);
CREATE INDEX ix_webhook_replays_endpoint ON webhook_replays (organization_id, endpoint_id, id);
-- Two at once would share what one of them may use of the lane.
CREATE UNIQUE INDEX uq_webhook_replays_running ON webhook_replays (organization_id, endpoint_id)
    WHERE state = 'running';
CREATE INDEX ix_webhook_replays_due ON webhook_replays (look_at) WHERE state = 'running';

ALTER TABLE webhook_replays ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_replays FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON webhook_replays TO psms_app
    USING (organization_id = (SELECT psms_organization())) WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT, INSERT, UPDATE (state, matched, released, done_through, look_at, failures, error, finished_at)
    ON webhook_replays TO psms_app;
CREATE POLICY claim ON webhook_replays TO psms_claimer USING (true) WITH CHECK (true);
-- A lock needs the right to update one column at least.
GRANT SELECT, UPDATE (look_at) ON webhook_replays TO psms_claimer;

ALTER TABLE webhook_deliveries ADD COLUMN replay_id uuid;
CREATE INDEX ix_webhook_deliveries_replayed ON webhook_deliveries (organization_id, replay_id, next_attempt_at)
    WHERE replay_id IS NOT NULL AND state IN ('pending', 'in_flight');
