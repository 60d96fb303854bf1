-- Whose token it was that was refused: for an entry in that organization's log. No row for a token that nobody knows.
CREATE FUNCTION psms_refused_token(hash bytea)
    RETURNS TABLE (organization_id uuid, token_id uuid, client_id uuid, reason text)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.organization_id, t.id, t.client_id,
           CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked token'
                WHEN t.expires_at <= psms_now() THEN 'expired token'
                WHEN NOT c.active THEN 'disabled client'
                ELSE 'disabled user' END
    FROM oauth_tokens t JOIN oauth_clients c ON c.organization_id = t.organization_id AND c.id = t.client_id
    WHERE t.token_hash = hash
$$;
REVOKE ALL ON FUNCTION psms_refused_token(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_refused_token(bytea) TO psms_app;
