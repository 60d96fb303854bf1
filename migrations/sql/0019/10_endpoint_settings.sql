-- How an endpoint wants to be called, how it fares, and what the lane must know to be fair to the others.

ALTER TABLE webhook_endpoints
    ADD COLUMN event_filter jsonb,
    ADD COLUMN schema_version smallint NOT NULL DEFAULT 1,
    -- The partner's own headers, as encrypted JSON: they may carry credentials.
    ADD COLUMN headers_encrypted bytea,
    ADD COLUMN timeout_seconds smallint NOT NULL DEFAULT 15
        CONSTRAINT ck_webhook_endpoints_timeout CHECK (timeout_seconds BETWEEN 1 AND 30),
    ADD COLUMN signatures text[] NOT NULL DEFAULT '{v1}'
        CONSTRAINT ck_webhook_endpoints_signatures CHECK (signatures IN ('{v1}', '{v1,v1a}')),
    ADD COLUMN verified_at timestamptz,
    -- Since failing_since: how many attempts failed, of which event first, and whether of another one too.
    ADD COLUMN failed_attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN first_failed_event_id uuid,
    ADD COLUMN several_events_failed boolean NOT NULL DEFAULT false,
    -- How many of the notices that it fails were given since then.
    ADD COLUMN failing_notices smallint NOT NULL DEFAULT 0,
    -- Since when every request is refused by the rules of egress.
    ADD COLUMN blocked_since timestamptz;

ALTER TABLE webhook_secrets
    ADD COLUMN kind text NOT NULL DEFAULT 'hmac' CONSTRAINT ck_webhook_secrets_kind CHECK (kind IN ('hmac', 'ed25519')),
    ADD COLUMN public_key bytea,
    ADD CONSTRAINT ck_webhook_secrets_public_key CHECK ((kind = 'ed25519') = (public_key IS NOT NULL));

ALTER TABLE webhook_lanes
    ADD COLUMN ordering text NOT NULL DEFAULT 'none'
        CONSTRAINT ck_webhook_lanes_ordering CHECK (ordering IN ('none', 'ticket', 'endpoint')),
    -- Null: as fast as it answers. The allowance is how many requests may be made at once, as of allowance_at.
    ADD COLUMN rate_per_minute integer
        CONSTRAINT ck_webhook_lanes_rate CHECK (rate_per_minute BETWEEN 1 AND 60000),
    ADD COLUMN allowance real NOT NULL DEFAULT 0,
    ADD COLUMN allowance_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN circuit text NOT NULL DEFAULT 'closed'
        CONSTRAINT ck_webhook_lanes_circuit CHECK (circuit IN ('closed', 'open', 'half_open')),
    ADD COLUMN probe_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN opens smallint NOT NULL DEFAULT 0,
    ADD COLUMN failures_in_a_row integer NOT NULL DEFAULT 0,
    -- The last twenty results, the newest in the lowest bit, 1 for a failure; and how many of them there are.
    ADD COLUMN recent_failures integer NOT NULL DEFAULT 0,
    ADD COLUMN recent_results smallint NOT NULL DEFAULT 0,
    -- A moving average, by which a lane counts as slow.
    ADD COLUMN latency_ms real NOT NULL DEFAULT 0,
    -- How many requests may be out now, at most max_in_flight; null: so many.
    ADD COLUMN in_flight_window smallint,
    ADD COLUMN window_successes smallint NOT NULL DEFAULT 0,
    -- Set while a backlog is thrown away before the lane opens: what happened before this instant is cancelled.
    ADD COLUMN discard_before timestamptz;
