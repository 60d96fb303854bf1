-- Takes back everything that 0003 built. A client with a custom role is switched off: the base role is more than it had.
DROP INDEX ix_tickets_queue;
DROP FUNCTION psms_actor(bytea);
CREATE FUNCTION psms_actor(hash bytea)
    RETURNS TABLE (organization_id uuid, user_id uuid, client_id uuid, role text, scopes text[])
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.organization_id, c.user_id, c.id, c.role,
           ARRAY(SELECT unnest(t.scopes) INTERSECT SELECT unnest(c.scopes))
    FROM oauth_tokens t
    JOIN oauth_clients c ON c.organization_id = t.organization_id AND c.id = t.client_id AND c.active
    JOIN users u ON u.organization_id = c.organization_id AND u.id = c.user_id AND u.active
    WHERE t.token_hash = hash AND t.revoked_at IS NULL AND t.expires_at > psms_now()
$$;
REVOKE ALL ON FUNCTION psms_actor(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_actor(bytea) TO psms_app;
ALTER TABLE oauth_clients NO FORCE ROW LEVEL SECURITY;
UPDATE oauth_clients SET active = false WHERE role_id IS NOT NULL;
UPDATE oauth_clients SET scopes = array_remove(scopes, 'roles:manage') WHERE scopes @> '{roles:manage}';
ALTER TABLE oauth_clients FORCE ROW LEVEL SECURITY;
ALTER TABLE users DROP COLUMN role_id;
ALTER TABLE oauth_clients DROP COLUMN role_id;
DROP TABLE roles;
