ALTER TABLE webhook_lanes
    DROP COLUMN ordering, DROP COLUMN rate_per_minute, DROP COLUMN allowance, DROP COLUMN allowance_at, DROP COLUMN circuit,
    DROP COLUMN probe_at, DROP COLUMN opens, DROP COLUMN failures_in_a_row, DROP COLUMN recent_failures,
    DROP COLUMN recent_results, DROP COLUMN latency_ms, DROP COLUMN in_flight_window, DROP COLUMN window_successes,
    DROP COLUMN discard_before;
-- The former release signs with every secret that it finds, and only in its own way.
ALTER TABLE webhook_secrets NO FORCE ROW LEVEL SECURITY;
DELETE FROM webhook_secrets WHERE kind <> 'hmac';
ALTER TABLE webhook_secrets FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_secrets DROP COLUMN kind, DROP COLUMN public_key;
ALTER TABLE webhook_endpoints
    DROP COLUMN event_filter, DROP COLUMN schema_version, DROP COLUMN headers_encrypted, DROP COLUMN timeout_seconds,
    DROP COLUMN signatures, DROP COLUMN verified_at, DROP COLUMN failed_attempts, DROP COLUMN first_failed_event_id,
    DROP COLUMN several_events_failed, DROP COLUMN failing_notices, DROP COLUMN blocked_since;
