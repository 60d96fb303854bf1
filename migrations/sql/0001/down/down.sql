-- Takes back everything that 0001 built in this database. The roles stay: they belong to the whole server.
DROP TABLE webhook_attempts, webhook_deliveries, webhook_lanes, webhook_secrets, webhook_endpoints, outbox, events,
    logs, idempotency_keys, comments, ticket_counters, tickets, oauth_tokens, oauth_clients, assignments, memberships,
    teams, organizations, services, users, schedule_fires CASCADE;
DROP FUNCTION psms_drop_attempts_before(timestamptz), psms_ensure_partitions(integer), psms_client(text),
    psms_actor(bytea), psms_refuse_change(), psms_uuid_floor(timestamptz), psms_organization(), psms_now();
REVOKE USAGE ON SCHEMA public FROM psms_app, psms_claimer;
