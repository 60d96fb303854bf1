-- Row-level security on every tenant table, and what each role may do. No tables here.

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY[
        'users', 'teams', 'memberships', 'services', 'assignments', 'oauth_clients', 'oauth_tokens',
        'tickets', 'ticket_counters', 'comments', 'idempotency_keys', 'logs', 'events', 'outbox',
        'webhook_endpoints', 'webhook_secrets', 'webhook_lanes', 'webhook_deliveries', 'webhook_attempts']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        -- (SELECT …) makes the setting an InitPlan: read once for each statement, not once for each row.
        EXECUTE format(
            'CREATE POLICY organization ON %I TO psms_app
                USING (organization_id = (SELECT psms_organization()))
                WITH CHECK (organization_id = (SELECT psms_organization()))', tenant_table);
    END LOOP;
END
$$;

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON organizations TO psms_app
    USING (id = (SELECT psms_organization())) WITH CHECK (id = (SELECT psms_organization()));

-- The application.
GRANT SELECT, INSERT, UPDATE ON organizations, users, teams, services, oauth_clients, oauth_tokens, tickets,
    ticket_counters, webhook_endpoints, webhook_secrets, webhook_lanes, webhook_deliveries, webhook_attempts TO psms_app;
GRANT SELECT, INSERT, DELETE ON memberships, assignments, outbox TO psms_app;
GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO psms_app;
GRANT SELECT, INSERT ON comments, logs, events TO psms_app;
GRANT SELECT, INSERT, DELETE ON schedule_fires TO psms_app;

-- The claimer: only what finding due work across organizations needs.
CREATE POLICY claim ON outbox FOR SELECT TO psms_claimer USING (true);
CREATE POLICY claim ON webhook_lanes TO psms_claimer USING (true) WITH CHECK (true);
CREATE POLICY claim ON webhook_deliveries TO psms_claimer USING (true) WITH CHECK (true);
CREATE POLICY prune ON oauth_tokens TO psms_claimer USING (expires_at < psms_now());
CREATE POLICY prune ON idempotency_keys TO psms_claimer USING (expires_at < psms_now());
GRANT SELECT ON outbox TO psms_claimer;
GRANT SELECT, UPDATE (next_due_at, served_at) ON webhook_lanes TO psms_claimer;
GRANT SELECT, UPDATE (state, lease_token, lease_expires_at, tries, leases_lost, next_attempt_at, first_attempt_at,
    dead_reason, finished_at), DELETE ON webhook_deliveries TO psms_claimer;
GRANT SELECT (organization_id, id, expires_at), DELETE ON oauth_tokens TO psms_claimer;
GRANT SELECT (organization_id, client_id, key, expires_at), DELETE ON idempotency_keys TO psms_claimer;
