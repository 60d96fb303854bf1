-- When the next notice on an endpoint that fails is due, and how far a backlog has been thrown away.

ALTER TABLE webhook_endpoints ADD COLUMN notice_due_at timestamptz;
CREATE INDEX ix_webhook_endpoints_notice ON webhook_endpoints (notice_due_at) WHERE notice_due_at IS NOT NULL;
CREATE POLICY claim ON webhook_endpoints FOR SELECT TO psms_claimer USING (notice_due_at IS NOT NULL);
GRANT SELECT (organization_id, id, notice_due_at) ON webhook_endpoints TO psms_claimer;

-- What fails already has told nobody: its next notice is the one that is due by then, whichever that is.
ALTER TABLE webhook_endpoints NO FORCE ROW LEVEL SECURITY;
UPDATE webhook_endpoints SET notice_due_at = failing_since + interval '1 hour'
    WHERE failing_since IS NOT NULL AND state = 'active';
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;

ALTER TABLE webhook_lanes
    -- Up to this sequence, what discard_before throws away has been looked at.
    ADD COLUMN discarded_to bigint NOT NULL DEFAULT 0;
CREATE INDEX ix_webhook_lanes_discard ON webhook_lanes (endpoint_id) WHERE discard_before IS NOT NULL;
CREATE INDEX ix_webhook_lanes_closed ON webhook_lanes (endpoint_id) WHERE NOT open AND NOT removed;

-- An event about an endpoint is told to the others.
ALTER TABLE outbox ADD COLUMN except_endpoint_id uuid;
